"""What programs that we start may see."""

from pangea.core.environment import for_others


def test_settings_of_pangea_are_left_out() -> None:
    given = {"PATH": "/bin", "PANGEA_TOKEN": "secret"}
    assert for_others(given, frozen=False) == {"PATH": "/bin"}


def test_what_systemd_says_is_for_us_alone() -> None:
    given = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "1", "HOME": "/root"}
    assert for_others(given, frozen=False) == {"HOME": "/root"}


def test_the_frozen_programs_libraries_are_ours_alone() -> None:
    given = {"LD_LIBRARY_PATH": "/tmp/_MEI1", "_PYI_ARCHIVE_FILE": "/bin/pangea"}
    assert for_others(given, frozen=True) == {}


def test_library_paths_are_as_they_were_before_us() -> None:
    given = {"LD_LIBRARY_PATH": "/tmp/_MEI1", "LD_LIBRARY_PATH_ORIG": "/opt/lib"}
    assert for_others(given, frozen=True) == {"LD_LIBRARY_PATH": "/opt/lib"}


def test_library_paths_of_the_user_stay_where_nothing_is_frozen() -> None:
    given = {"LD_LIBRARY_PATH": "/opt/lib"}
    assert for_others(given, frozen=False) == given
