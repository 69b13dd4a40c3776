"""Laws of the schedule: the order of tasks, who prefers which, what follows from each outcome. No process is started here."""

from dataclasses import replace

import pytest

from config import Compare, Config, Training
from experiment.schedule import Failed, Finished, Schedule, Task, Unfinished
from records.study import ALL, YARDSTICKS, Hyperparameters, Study, StudyResult
from tests.made_up import a_result

CONFIG = Config(compare=Compare(architectures=("lstm", "gru")), training=Training(repeats=2))
CONTROLLED = Config(compare=Compare(architectures=("custom_gru", "gru")), training=Training(repeats=2))  # `gru` is a control
GRU, LSTM = Study("gru", "0-129"), Study("lstm", "0-129")
FROM_SCRATCH, CONTROL = Study("custom_gru", "0-129"), Study("gru", "0-129")
POINT = replace(GRU, n_reviews=100)
GENERALIST, FINE_TUNED = Study("gru", ALL), Study("gru", "0-129", is_fine_tuned=True)
LINEAR = Study(YARDSTICKS[0], "0-129")
SETTING: Hyperparameters = {"units": 32, "learning_rate": 1e-3, "batch_size": 32}  # of every made-up result


def schedule(*studies: Study, done: dict[Study, StudyResult] | None = None, config: Config = CONFIG) -> Schedule:
    return Schedule(config, studies, done or {})


def result(study: Study, repeats: int = 2) -> StudyResult:
    return replace(a_result(study.contender, study.bucket, 0.9, repeats=repeats), study=study)


def started(plan: Schedule) -> list[Task]:
    """Every task that can start now, in order."""
    tasks = []
    while task := plan.start():
        tasks.append(task)
    return tasks


def search(plan: Schedule, task: Task) -> list[StudyResult]:
    """End a task as its search's success."""
    assert task.repeat is None
    return plan.end(task, Finished(replace(result(task.study), repeats=())))


def repeat(plan: Schedule, task: Task) -> list[StudyResult]:
    """End a task as its repeat's success."""
    assert task.repeat is not None
    return plan.end(task, Finished(result(task.study).repeats[task.repeat]))


def ended(results: list[StudyResult]) -> list[tuple[Study, str, str]]:
    return [(each.study, each.status, each.message) for each in results]


def test_searches_start_in_the_order_given() -> None:
    assert started(schedule(LSTM, GRU, LINEAR)) == [Task(LSTM), Task(GRU), Task(LINEAR)]


def test_the_repeats_of_a_searched_study_come_before_searches_that_wait() -> None:
    plan = schedule(GRU, LSTM)
    first = plan.start()
    assert first and search(plan, first) == []
    assert started(plan) == [Task(GRU, 0, SETTING), Task(GRU, 1, SETTING), Task(LSTM)]


def test_a_study_ends_with_its_last_repeat_and_has_them_in_order() -> None:
    plan = schedule(GRU)
    (first,) = started(plan)
    search(plan, first)
    zero, one = started(plan)
    assert repeat(plan, one) == [] and not plan.is_over
    assert repeat(plan, zero) == [result(GRU)]
    assert plan.is_over


def test_the_yardstick_has_one_repeat() -> None:
    plan = schedule(LINEAR)
    (first,) = started(plan)
    search(plan, first)
    (only,) = started(plan)
    assert [each.study for each in repeat(plan, only)] == [LINEAR] and plan.is_over


@pytest.mark.parametrize(
    ("compiled", "elsewhere", "chosen"),
    [
        ({"lstm"}, {"gru"}, LSTM),  # what it has compiled itself
        (set(), {"gru"}, LSTM),  # what nobody has compiled
        ({"custom_gru"}, set(), GRU),  # nothing waits of what it has: the first one
        (set(), {"gru", "lstm"}, GRU),  # all is taken: the first one
        ({"gru", "lstm"}, set(), GRU),  # the longer of two
    ],
)
def test_a_worker_gets_what_it_has_compiled_or_else_what_nobody_has(
    compiled: set[str], elsewhere: set[str], chosen: Study
) -> None:
    assert schedule(GRU, LSTM).start(compiled, elsewhere) == Task(chosen)


def test_controls_and_points_of_a_learning_curve_wait_for_the_setting_and_not_for_the_repeats() -> None:
    for first, follower, config in ((FROM_SCRATCH, CONTROL, CONTROLLED), (GRU, POINT, CONFIG)):
        plan = schedule(follower, first, config=config)
        (task,) = started(plan)
        assert task == Task(first)
        search(plan, task)
        assert started(plan)[-1] == Task(follower, None, SETTING)


def test_fine_tuning_waits_for_the_generalists_networks() -> None:
    plan = schedule(GENERALIST, FINE_TUNED)
    (task,) = started(plan)
    search(plan, task)
    zero, one = started(plan)
    repeat(plan, zero)
    assert not plan.waiting
    assert repeat(plan, one) == [result(GENERALIST)]
    assert started(plan) == [Task(FINE_TUNED, None, SETTING)] and not plan.is_over


def test_an_unfinished_task_goes_on_next_and_is_no_attempt() -> None:
    plan = schedule(GRU, LSTM)
    for _ in range(5):
        task = plan.start()
        assert task == Task(GRU)
        assert plan.end(task, Unfinished()) == []
    task = plan.start()
    assert task and plan.retry(task)


def test_a_task_whose_worker_died_is_tried_once_more_and_next() -> None:
    plan = schedule(GRU, LSTM)
    first = plan.start()
    assert first and plan.retry(first)
    second = plan.start()
    assert second == Task(GRU) and not plan.retry(second)
    assert ended(plan.end(second, Failed("it died twice", "cpu"))) == [(GRU, "failed", "it died twice")]
    assert started(plan) == [Task(LSTM)]


def test_each_repeat_has_attempts_of_its_own() -> None:
    plan = schedule(GRU)
    (task,) = started(plan)
    search(plan, task)
    for each in started(plan):
        assert plan.retry(each)


def test_a_failed_search_fails_what_waits_for_its_setting() -> None:
    plan = schedule(GENERALIST, FINE_TUNED, replace(GENERALIST, n_reviews=100), LSTM)
    results = plan.end(started(plan)[0], Failed("no trial completed", "gpu 0"))
    follows = "gru/all, whose settings it repeats, failed"
    assert ended(results) == [
        (GENERALIST, "failed", "no trial completed"),
        (FINE_TUNED, "failed", follows),
        (replace(GENERALIST, n_reviews=100), "failed", follows),
    ]
    assert {each.device for each in results} == {"gpu 0"} and not plan.is_over


def test_a_failed_repeat_fails_its_study_and_not_the_control_that_has_its_setting() -> None:
    plan = schedule(FROM_SCRATCH, CONTROL, config=CONTROLLED)
    (task,) = started(plan)
    search(plan, task)
    zero, one, control = started(plan)
    assert ended(plan.end(zero, Failed("it diverged", "cpu"))) == [(FROM_SCRATCH, "failed", "it diverged")]
    assert repeat(plan, one) == []  # comes too late
    assert not plan.retry(one) and not plan.waiting
    search(plan, control)
    assert [each.repeat for each in started(plan)] == [0]  # a control has one training


def test_a_failed_repeat_of_a_generalist_fails_the_fine_tuning_that_would_go_on_with_it() -> None:
    plan = schedule(GENERALIST, FINE_TUNED)
    (task,) = started(plan)
    search(plan, task)
    assert [study for study, *_ in ended(plan.end(started(plan)[0], Failed("it diverged", "cpu")))] == [GENERALIST, FINE_TUNED]
    assert plan.is_over


def test_what_a_former_sweep_completed_is_not_done_again_and_its_followers_start_at_once() -> None:
    generalist, tuned = replace(GENERALIST, contender="custom_gru"), replace(FINE_TUNED, contender="custom_gru")
    studies = (FROM_SCRATCH, CONTROL, generalist, tuned, LINEAR)
    plan = schedule(*studies, done={study: result(study) for study in (FROM_SCRATCH, generalist)}, config=CONTROLLED)
    assert started(plan) == [Task(LINEAR), Task(CONTROL, None, SETTING), Task(tuned, None, SETTING)]
    assert schedule(*studies, done={study: result(study) for study in studies}, config=CONTROLLED).is_over
