"""Where the frozen program begins."""

import importlib
import multiprocessing
import sys

from pangea.__main__ import main
from pangea.later import unpack_later

#: What renders templates and calls Apprise is the same program, told to be that; see
#: ``pangea/alerts/child.py``.
RUN_MODULE = "--run-module"
CHILDREN = ("pangea.alerts.template_child", "pangea.alerts.apprise_child")

if __name__ == "__main__":
    unpack_later()
    # What tries rules (pangea/coordinator/trial.py) is the same program as well.
    multiprocessing.freeze_support()
    if sys.argv[1:2] == [RUN_MODULE] and sys.argv[2:] and sys.argv[2] in CHILDREN:
        sys.exit(importlib.import_module(sys.argv[2]).main())
    main()
