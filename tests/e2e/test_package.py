"""The Debian package: installed, upgraded, removed and purged by dpkg, in a copy of /.

The copy is an overlay in a mount namespace of the test's own: this machine gets no
package, no user and no file.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.frozen import made
from tests.needs import need

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(700)]

OVERLAY = """
mount -t tmpfs none {place}
mkdir {place}/upper {place}/work {place}/root
mount -t overlay none {place}/root \
    -o lowerdir=/,upperdir={place}/upper,workdir={place}/work
mount -t proc none {place}/root/proc
mount --bind /dev {place}/root/dev
mount -t tmpfs none {place}/root/run
cp {package} {place}/root/pangea.deb
exec chroot {place}/root sh -e -c '{script}'
"""


@pytest.fixture(scope="module")
def package() -> Path:
    need("netns")
    if not shutil.which("dpkg"):
        pytest.skip("dpkg is missing: this is no Debian")
    return made("deb", "pangea_*.deb")


def inside(package: Path, place: Path, script: str) -> str:
    """Return what *script* prints in a copy of this machine; it must end with 0."""
    text = OVERLAY.format(place=place, package=package, script=script)
    ran = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-e", "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_it_comes_and_goes_without_a_trace(package: Path, tmp_path: Path) -> None:
    said = inside(
        package,
        tmp_path,
        """
        dpkg -i /pangea.deb
        id pangea && pangea version && test -x /usr/bin/pangea
        pangea --config /etc/pangea/pangea.toml config check
        systemd-analyze verify /usr/lib/systemd/system/pangea-coordinator.service \
            /usr/lib/systemd/system/pangea-worker@.service && echo units verified
        echo "# mine" >> /etc/pangea/pangea.toml
        dpkg -i /pangea.deb
        grep -q "# mine" /etc/pangea/pangea.toml && echo kept when upgraded
        mkdir -p /var/lib/pangea && touch /var/lib/pangea/pangea.db
        dpkg -r pangea
        test -f /var/lib/pangea/pangea.db && grep -q mine /etc/pangea/pangea.toml &&
            echo kept when removed
        test ! -e /usr/bin/pangea
        dpkg -P pangea
        test ! -e /etc/pangea && test ! -e /var/lib/pangea && ! id pangea 2>&1
        find /usr/lib/pangea /usr/share/doc/pangea 2>/dev/null | head -3
        echo nothing left
        """,
    )
    for line in ("units verified", "kept when upgraded", "kept when removed"):
        assert line in said, said
    assert said.rstrip().endswith("nothing left"), said


def test_lintian_finds_no_error(package: Path) -> None:
    need("lintian")
    ran = subprocess.run(
        ["lintian", "--fail-on", "error,warning", package],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout


def test_the_units_let_the_service_do_little(package: Path) -> None:
    """systemd's own score: 10 is exposed, 0 is nothing allowed."""
    need("systemd-analyze")
    unit = Path(__file__).parents[2] / "packaging/debian/pangea-coordinator.service"
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout[-400:]
