"""Parents are proposed from the routers that the ways to several targets share."""

from pangea.core.dependencies import Graph
from pangea.core.proposals import Proposal, proposals

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
WAY_1 = [[A], [B], ["198.51.100.1"]]
WAY_2 = [[A], [B, "192.0.2.9"], ["198.51.100.2"]]
#: Jobs 1 and 2 watch hosts, 7 and 8 the routers A and B.
TARGETS = {1: "one.test", 2: "two.test", 7: A, 8: B}
ROUTERS = {A: 7, B: 8}


def propose(ways, graph=None, targets=TARGETS, routers=ROUTERS):
    return proposals(ways, targets, routers, graph or Graph())


def test_the_last_router_that_several_share_is_proposed():
    ways = {"one.test": [WAY_1], "two.test": [WAY_2]}
    assert propose(ways) == [Proposal(1, 8, B, 2), Proposal(2, 8, B, 2)]


def test_a_router_of_one_target_alone_is_not():
    ways = {"one.test": [WAY_1], "two.test": [[[A], ["198.51.100.2"]]]}
    assert propose(ways) == [Proposal(1, 7, A, 2), Proposal(2, 7, A, 2)]
    assert propose({"one.test": [WAY_1]}) == []


def test_only_what_all_workers_pass_can_be_missed():
    other = [[C], [B], ["198.51.100.1"]]
    ways = {"one.test": [WAY_1, other], "two.test": [WAY_2]}
    assert propose(ways)[0] == Proposal(1, 8, B, 2)
    ways = {"one.test": [WAY_1, [[C], ["198.51.100.1"]]], "two.test": [WAY_2]}
    assert [p.child for p in propose(ways)] == []


def test_a_router_may_depend_on_the_one_before_it():
    ways = {B: [[[A], [B]]], "one.test": [WAY_1], "two.test": [WAY_2]}
    assert propose(ways)[2] == Proposal(8, 7, A, 3)


def test_what_is_so_already_or_would_be_a_circle_is_not_proposed():
    graph = Graph()
    graph.put(1, (8,))
    graph.put(8, (2,))
    ways = {"one.test": [WAY_1], "two.test": [WAY_2]}
    assert propose(ways, graph) == []


def test_addresses_are_the_same_however_they_are_written():
    ways = {
        "one.test": [[["2001:DB8::1"], ["2001:db8::5"]]],
        "two.test": [[["2001:db8:0:0::1"]]],
    }
    found = propose(ways, targets={1: "one.test"}, routers={"[2001:db8::1]": 7})
    assert found == [Proposal(1, 7, "2001:db8::1", 2)]


def test_silent_hops_and_ways_that_nobody_walked_propose_nothing():
    assert propose({"one.test": [[[], [], []]], "two.test": [[]]}) == []
    assert propose({}) == []
