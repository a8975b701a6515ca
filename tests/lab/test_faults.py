from tests.lab.faults import FAULTS, KILLS, draw

WORKERS = ("w1", "w2")


def test_a_seed_says_everything():
    assert draw(7, 50, WORKERS) == draw(7, 50, WORKERS)
    assert draw(7, 50, WORKERS) != draw(8, 50, WORKERS)


def test_more_rounds_begin_like_fewer():
    assert draw(7, 80, WORKERS)[:50] == draw(7, 50, WORKERS)


def test_every_fault_comes_up():
    plan = draw(1, 300, WORKERS)
    assert {one.fault for one in plan} == FAULTS.keys()
    assert {one.who for one in plan} == {"coordinator", *WORKERS}


def test_only_the_chosen_faults_come_up():
    assert {one.fault for one in draw(1, 100, WORKERS, KILLS)} == set(KILLS)
