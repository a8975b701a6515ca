"""What a worker says at its start of what it cannot do."""

import logging

from pangea.worker.abilities import tell_lacks


def test_only_a_whole_type_of_probes_is_worth_a_warning(caplog):
    caplog.set_level(logging.INFO)
    lacks = {"icmp": "no right", "http2": "no package", "ipv6": "switched off"}
    tell_lacks(("http", "icmp"), lacks)
    said = {record.getMessage(): record.levelno for record in caplog.records}
    assert said == {
        "icmp probes cannot run here: no right": logging.WARNING,
        "jobs that need http2 cannot run here: no package": logging.INFO,
        "jobs that need ipv6 cannot run here: switched off": logging.INFO,
    }
