"""What service tests share: a model, a recipe, and a host over a scripted engine."""

from __future__ import annotations

from llmlab.domain.model import ModelSpec
from llmlab.domain.recipe import Recipe
from llmlab.engine.scripted import Script, ScriptedEngine
from llmlab.services.host import EngineHost


def model(name: str = "tiny") -> ModelSpec:
    return ModelSpec(name=name, path=f"/models/{name}.gguf")


def recipe(name: str = "tiny") -> Recipe:
    return Recipe(model=model(name))


class Engines:
    """Makes scripted engines, one script after another, and keeps them to be asked."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts or (Script(),)
        self.made: list[ScriptedEngine] = []
        self.host = EngineHost(self)

    @property
    def phase(self) -> str:
        return self.host.state.phase

    def __call__(self) -> ScriptedEngine:
        script = self._scripts[min(len(self.made), len(self._scripts) - 1)]
        self.made.append(ScriptedEngine(script))
        return self.made[-1]
