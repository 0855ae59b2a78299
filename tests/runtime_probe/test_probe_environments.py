"""Environments that are reset to one state, with the real library; none of it is seen where it is not installed."""

import linecache

import pytest

from runtime_probe import Verdict
from runtime_probe.run import Options, Program, run
from tests.runtime_probe.kinds import PRELUDE

gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed")

TRAINER = (
    PRELUDE
    + """
import gymnasium


class Walk(gymnasium.Env):
    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(-9, 9, (4,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 5
        self.state = self.first()
        return self.state, {}

    def first(self):
        return self.np_random.normal(size=4).astype("float32")

    def step(self, action):
        self.left -= 1
        self.state = self.state + self.np_random.normal(0, 0.1, 4).astype("float32")
        return self.state, float(action), self.left == 0, False, {}


def episode(env, seed, act=lambda state: 1):
    states, (state, _), done = [], env.reset(seed=seed), False
    while not done:
        states.append(state)
        state, _, terminated, truncated, _ = env.step(act(state))
        done = terminated or truncated
    return torch.as_tensor(np.array(states))


model = Net(4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
"""
)
BUGS = {
    "one seed for every episode": """
env = Walk()
for number in range(6):
    fit(model, [episode(env, 0 if BUG or number == 0 else None)], optimizer)
""",
    "one seed behind wrappers": """
env = gymnasium.make("CartPole-v1", max_episode_steps=20)
for number in range(6):
    states = episode(env, 7 if BUG else number, lambda state: int(torch.rand(()) < 0.5))
    fit(model, states.split(4), optimizer)
""",
    "one seed, and steps from a memory": """
env, memory = gymnasium.make("CartPole-v1", max_episode_steps=10), []
def act(state):
    memory.append(state)
    if len(memory) >= 8:
        fit(model, [torch.as_tensor(np.array(random.sample(memory, 8)))], optimizer)
    return random.randint(0, 1)
for number in range(12):
    episode(env, 3 if BUG else None, act)
""",
}
SILENT = {
    "an evaluation from one state": """
env, data = Walk(), torch.randn(24, 4)
for number in range(6):
    fit(model, data[torch.randperm(24)].split(6), optimizer)
    with torch.no_grad():
        model(episode(env, 0))
""",
    "a state that is no draw": """
class Maze(Walk):
    def first(self):
        return np.zeros(4, "float32")
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)
env = Maze()
for number in range(6):
    fit(model, [episode(env, 0)], optimizer)
""",
}


@pytest.fixture
def report(tmp_path):
    def report(program):
        script = tmp_path / "train.py"
        script.write_text(f"{TRAINER}\n{program}\n")
        original = gymnasium.Env.reset
        linecache.clearcache()
        outcome = run(Program(str(script)), Options(strict=True))
        assert outcome.exit_code == 0
        assert gymnasium.Env.reset is original
        assert not any("failed" in note for note in outcome.report.notes)
        return outcome.report

    return report


@pytest.mark.parametrize("program", BUGS.values(), ids=BUGS)
def test_episodes_that_begin_alike_are_a_violation(report, program):
    found = report(f"BUG = True\n{program}")
    assert [finding.word for finding in found.violations] == [Verdict.CYCLING], str(found)
    assert "`reset(seed=" in str(found)
    assert "in episode" in str(found)
    assert not report(f"BUG = False\n{program}").violations


@pytest.mark.parametrize("program", SILENT.values(), ids=SILENT)
def test_states_that_are_not_trained_on_or_not_drawn_are_none(report, program):
    found = report(program)
    assert not found.violations, str(found)
