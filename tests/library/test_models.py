"""models.toml, key by key."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.domain.model import CACHE_TYPES, NAMED_TEMPLATES, BadModel, LoraAdapter, ModelSpec, Rope
from llmlab.domain.remote import Remote
from llmlab.domain.sampling import DEFAULTS, SETTINGS, Sampling
from llmlab.errors import ConfigError
from llmlab.library import models
from llmlab.library.models import LATER, ModelsFile, ad_hoc, ad_hoc_pocket, parse_models, read_models
from llmlab.library.shipped import shipped_models_file
from llmlab.library.tomlfile import TomlFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path("/home/me/models.toml").absolute()


def good(text: str, source: Path = HERE) -> ModelSpec:
    (model,) = parse_models("[m]\n" + text, source).models
    assert isinstance(model, ModelSpec), model
    return model


def problem(text: str) -> str:
    """What is said about table `m` whose keys, besides a path, are `text`; paths cut to what follows the file."""
    (model,) = parse_models('[m]\npath = "a.gguf"\n' + text, HERE).models
    assert isinstance(model, BadModel), model
    return model.problem.replace(f"{HERE}:", "")


@pytest.fixture
def pocket(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = Path("/pocket").absolute()
    monkeypatch.setattr(models, "pocket_names", lambda: ("pocket-l", "pocket-l-base", "pocket-m", "pocket-s"))
    monkeypatch.setattr(models, "pocket_path", lambda name: folder / f"{name}.gguf")
    return folder


def test_a_path_alone_gives_every_default() -> None:
    assert good('path = "a.gguf"') == ModelSpec(name="m", path=str(HERE.parent / "a.gguf"), source=str(HERE))


def test_every_key_arrives() -> None:
    spec = good(
        """
        path = "/models/a.gguf"
        n_ctx = 4096
        n_gpu_layers = "all"
        n_threads = 3
        n_batch = 1024
        n_ubatch = 256
        flash_attn = true
        cache_type_k = "q8_0"
        cache_type_v = "q4_0"
        chat_template = "chatml"
        system = "Be brief."
        thinking = false
        rope = {scaling = "yarn", factor = 2, base = 1e6, original_context = 32768}
        [m.sampling]
        temperature = 1
        top_k = 3
        stop = "###"
        seed = 7
        """
    )
    assert spec == ModelSpec(
        name="m",
        path=str(Path("/models/a.gguf").absolute()),
        source=str(HERE),
        n_ctx=4096,
        n_gpu_layers="all",
        n_threads=3,
        n_batch=1024,
        n_ubatch=256,
        flash_attn="on",
        cache_type_k="q8_0",
        cache_type_v="q4_0",
        chat_template="chatml",
        system="Be brief.",
        thinking=False,
        rope=Rope(scaling="yarn", factor=2.0, base=1e6, original_context=32768),
        sampling=Sampling(temperature=1.0, top_k=3, stop=("###",), seed=7),
    )


@pytest.mark.parametrize(
    ("key", "given_value", "kept"),
    [
        ("n_gpu_layers", '"auto"', "auto"),
        ("n_gpu_layers", "0", 0),
        ("n_threads", '"auto"', "auto"),
        ("flash_attn", "true", "on"),
        ("flash_attn", "false", "off"),
        ("flash_attn", '"auto"', "auto"),
        ("system", '""', ""),
        *(("cache_type_k", f'"{kind}"', kind) for kind in CACHE_TYPES),
        *(("cache_type_v", f'"{kind}"', kind) for kind in CACHE_TYPES),
        *(("chat_template", f'"{name}"', name) for name in NAMED_TEMPLATES),
        ("chat_template", '"chat.jinja"', str(HERE.parent / "chat.jinja")),
        ("chat_template", '"templates/x"', str(HERE.parent / "templates" / "x")),
        ("deterministic", "true", True),
        ("main_gpu", "1", 1),
        ("tensor_split", "[3, 1.5]", (3.0, 1.5)),
        ("rpc", '"box:50052"', ("box:50052",)),
        ("rpc", '["10.0.0.2:50052", "[fe80::1]:9"]', ("10.0.0.2:50052", "[fe80::1]:9")),
        ("speculate", '"off"', "off"),
        ("speculate", '"lookup"', "lookup"),
        ("draft", '"small.gguf"', str(HERE.parent / "small.gguf")),
        ("lora", '"a.gguf"', (LoraAdapter(str(HERE.parent / "a.gguf")),)),
        (
            "lora",
            '["/x/a.gguf", {path = "b.gguf", scale = -2}]',
            (LoraAdapter(str(Path("/x/a.gguf").absolute())), LoraAdapter(str(HERE.parent / "b.gguf"), -2.0)),
        ),
    ],
)
def test_a_value_that_fits(key: str, given_value: str, kept: object) -> None:
    assert getattr(good(f'path = "a"\n{key} = {given_value}'), key) == kept


def test_a_small_batch_brings_its_micro_batch_along() -> None:
    assert good('path = "a"\nn_batch = 128').n_ubatch == 128


def test_paths_start_at_the_file_at_home_or_at_the_pocket(pocket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = str(Path("/home/me").absolute())
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("USERPROFILE", home)
    assert good('path = "sub/../a.gguf"').path == str(HERE.parent / "a.gguf")
    assert good('path = "~/a.gguf"').path == str(Path(home) / "a.gguf")
    assert good('path = "pocket:pocket-m"').path == str(pocket / "pocket-m.gguf")


def test_a_relative_source_still_gives_an_absolute_path() -> None:
    assert Path(good('path = "a"', Path("models.toml")).path).is_absolute()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n_ctxx = 1", "3: [m] n_ctxx: there is no such key; did you mean n_ctx?"),
        ("n_ctx = 3", "3: [m] n_ctx: 3 is not a whole number from 32 to 16,777,216"),
        ('n_ctx = "8k"', '3: [m] n_ctx: "8k" is not a whole number from 32 to 16,777,216'),
        ("n_gpu_layers = -1", '3: [m] n_gpu_layers: -1 is neither "auto", "all" nor a whole number from 0 to 10,000'),
        (
            'cache_type_k = "q8"',
            '3: [m] cache_type_k: "q8" is not one of "f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", '
            '"iq4_nl"; did you mean q8_0?',
        ),
        ("thinking = 1", "3: [m] thinking: 1 is neither true nor false"),
        ("rope = 2", "3: [m] rope: 2 is not a table"),
        ("sampling = []", "3: [m] sampling: a list is not a table"),
        ("rope.factr = 2", "3: [m] rope.factr: there is no such key; did you mean factor?"),
        ("rope = {factor = 2, scale = 0.5}", "3: [m] rope.scale: scale is 1/factor: give one of the two"),
        (
            'rope = {scaling = "none", factor = 2}',
            '3: [m] rope.factor: does nothing when scaling is "none"',
        ),
        (
            'rope = {scaling = "linear", original_context = 512}',
            '3: [m] rope.original_context: does nothing when scaling is "linear"',
        ),
        (
            "\n[m.sampling]\ntop_p = 2",
            "5: [m] sampling.top_p: 2 is not a number from 0 to 1",
        ),
        ("sampling.temprature = 1", "3: [m] sampling.temprature: there is no such key; did you mean temperature?"),
        ("temperature = 1", "3: [m] temperature: is a sampler setting: write sampling.temperature"),
        ("temp = 1", "3: [m] temp: there is no such key; did you mean sampling.temperature?"),
        ("factor = 2", "3: [m] factor: belongs to rope: write rope.factor"),
        ("n_ubatch = 4096", "3: [m] n_ubatch: 4096 is more than n_batch, 2048"),
        (
            'flash_attn = false\ncache_type_v = "q8_0"',
            '4: [m] cache_type_v: "q8_0" needs flash attention: remove flash_attn or set it to true',
        ),
        (
            'system = """\nx\n"""\nn_threads = 0',
            '6: [m] n_threads: 0 is neither "auto" nor a whole number from 1 to 1,024',
        ),
        ("tensor_split = []", "3: [m] tensor_split: a list is no list of shares such as [3, 1], one for each GPU"),
        ("tensor_split = [0, 0]", "3: [m] tensor_split: a list is no list of shares such as [3, 1], one for each GPU"),
        (
            "main_gpu = 0\ntensor_split = [1]",
            "4: [m] tensor_split: main_gpu puts everything on one GPU: give one of the two",
        ),
        ("n_gpu_layers = 0\nmain_gpu = 0", "4: [m] main_gpu: does nothing when n_gpu_layers is 0"),
        ('rpc = "box"', '3: [m] rpc: "box" is no machine such as host:50052'),
        ('rpc = ["box:0"]', '3: [m] rpc: "box:0" is no machine such as host:50052'),
        ('rpc = ["a b:50052"]', '3: [m] rpc: "a b:50052" is no machine such as host:50052'),
        ('speculate = "lookups"', '3: [m] speculate: "lookups" is not one of "off", "lookup"; did you mean lookup?'),
        ('draft = "pocket:nano"', '3: [m] draft: llmlab ships no model "nano"'),
        ("draft = 1", "3: [m] draft: 1 is not a text in quotes"),
        ('deterministic = true\ndraft = "a"', "4: [m] draft: does nothing when deterministic is true"),
        ('deterministic = true\nspeculate = "lookup"', "4: [m] speculate: does nothing when deterministic is true"),
        ("lora = 1", "3: [m] lora: 1 is neither a file nor a table of path and scale"),
        ("lora = {scale = 1}", "3: [m] lora: the key path is missing"),
        ('lora = {path = "a", scale = "b"}', '3: [m] lora: scale: "b" is not a number from -100 to 100'),
        (
            'lora = ["x/a.gguf", "y/a.gguf"]',
            '3: [m] lora: two adapters are called "a"; requests tell them apart by file name',
        ),
        *(
            (f'{key} = "x.gguf"', f"3: [m] {key}: comes with a later version of llmlab; remove the line")
            for key in LATER
        ),
    ],
)
def test_what_is_wrong_names_line_table_key_value_and_the_near_miss(text: str, said: str) -> None:
    assert problem(text) == said


def test_flash_attention_off_goes_with_an_unquantised_cache() -> None:
    assert good('path = "a"\nflash_attn = "off"\ncache_type_v = "f32"\ncache_type_k = "q8_0"').flash_attn == "off"


def test_a_template_that_is_neither_name_nor_file_gets_the_near_miss() -> None:
    assert problem('chat_template = "chatlm"').endswith("nor a file such as chat.jinja; did you mean chatml?")


def test_an_unknown_pocket_model_gets_the_near_miss(pocket: Path) -> None:
    (model,) = parse_models('[m]\npath = "pocket:pocket-x"', HERE).models
    assert isinstance(model, BadModel)
    assert model.problem.endswith('llmlab ships no model "pocket-x"; did you mean pocket-l?')
    assert ad_hoc_pocket("pocket-l").path == str(pocket / "pocket-l.gguf")
    with pytest.raises(ConfigError, match="pocket-z"):
        ad_hoc_pocket("pocket-z")


@pytest.mark.parametrize("path", ['""', '"  "', '"a\\u0000b"', '"a\\u001b[2J"', "3", "[]"])
def test_a_path_that_is_none(path: str) -> None:
    (model,) = parse_models(f"[m]\npath = {path}", HERE).models
    assert isinstance(model, BadModel)
    assert model.problem.startswith(f"{HERE}:2: [m] path: ")
    assert "\x1b" not in model.problem


def test_every_fault_of_a_table_is_told_at_once() -> None:
    lines = problem("n_ctx = 1\nn_batch = 0\nrope.base = 0\nsampling.top_k = -1").split("\n")
    assert [line.split(":")[1].strip() for line in lines] == [
        "[m] n_ctx", "[m] n_batch", "[m] rope.base", "[m] sampling.top_k",
    ]  # fmt: skip


def test_a_name_with_a_dot_is_told_to_be_quoted() -> None:
    (model,) = parse_models('[qwen2.5-7b]\npath = "x"', HERE).models
    assert isinstance(model, BadModel)
    assert 'a name with a dot needs quotes: ["qwen2.5-7b"]' in model.problem
    (model,) = parse_models('["qwen2.5-7b"]\npath = "x"', HERE).models
    assert isinstance(model, ModelSpec)
    assert model.name == "qwen2.5-7b"


@pytest.mark.parametrize("name", ['""', '"a\\u001b[2J"', '" a"', '"a\\nb"'])
def test_a_name_that_cannot_be_shown(name: str) -> None:
    (model,) = parse_models(f'[{name}]\npath = "x"', HERE).models
    assert isinstance(model, BadModel)
    assert "\x1b" not in model.name + model.problem


def test_one_bad_table_never_hides_the_good_ones() -> None:
    file = parse_models('[a]\npath = "a"\n[b]\npath = 1\n[c]\npath = oops\n[d]\npath = "d"', HERE)
    assert {model.name: type(model) for model in file.models} == {
        "a": ModelSpec, "b": BadModel, "c": BadModel, "d": ModelSpec,
    }  # fmt: skip
    assert not file.unreadable


def test_what_stands_outside_a_table() -> None:
    file = parse_models('default = "a"\n[a]\npath = "a"', HERE)
    assert (file.default, file.problems) == ("a", ())
    file = parse_models('default = 1\nn_ctx = 2\n[a]\npath = "a"', HERE)
    assert [str(item).removeprefix(f"{HERE}:") for item in file.problems] == [
        "1: default: 1 is not the name of a model in quotes",
        "2: n_ctx: only default and embeddings stand outside a table; a model's keys follow its [name]",
    ]
    assert len(file.models) == 1
    file = parse_models('embeddings = "e"\n[e]\npath = "e"', HERE)
    assert (file.embeddings, file.default, file.problems) == ("e", None, ())
    assert parse_models('embeddings = ""', HERE).embeddings == ""
    file = parse_models("embeddings = true", HERE)
    assert (file.embeddings, len(file.problems)) == (None, 1)
    (bad,) = parse_models('[embeddings]\npath = "a"', HERE).models
    assert isinstance(bad, BadModel)
    (bad,) = parse_models('[default]\npath = "a"', HERE).models
    assert isinstance(bad, BadModel)


def test_a_file_that_is_no_toml_is_one_problem_with_its_place() -> None:
    file = parse_models("this is no TOML", HERE)
    assert file.unreadable
    assert file.models == ()
    (found,) = file.problems
    assert str(found).startswith(f"{HERE}:1: is not valid TOML: ")


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert read_models(tmp_path / "models.toml") == ModelsFile(tmp_path / "models.toml")


def test_a_file_given_by_its_path_has_every_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ad_hoc("some.model.gguf") == ModelSpec(name="some.model", path=str(Path.cwd() / "some.model.gguf"))


def test_a_file_whose_name_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        ad_hoc("bad\udcff.gguf")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "path",
        "n_ctx",
        "rope",
        "sampling",
        "chat_template",
        "flash_attn",
        "cache_type_v",
        "lora",
        "draft",
        "speculate",
        "rpc",
        "tensor_split",
        "q",
    ]
)


@given(st.dictionaries(st.text(max_size=6), st.dictionaries(KEYS, VALUES, max_size=4) | VALUES, max_size=3))
def test_random_values_become_models_or_problems(tables: dict[str, object]) -> None:
    file = models.models_of(TomlFile(HERE, tables))
    tabled = [name for name, table in tables.items() if isinstance(table, dict)]
    assert len(file.models) == len(tabled)
    for model in file.models:
        assert isinstance(model, ModelSpec) or model.problem
    assert len(file.problems) == sum(
        not isinstance(table, dict) and not (name in ("default", "embeddings") and isinstance(table, str))
        for name, table in tables.items()
    )


@given(st.binary(max_size=200))
def test_random_bytes_become_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "random.toml"
    path.write_bytes(content)
    read_models(path)


def test_the_shipped_file_is_good_and_its_guide_is_true(pocket: Path) -> None:
    """Uncommented, the guide's table is valid, names every key, and its values are the defaults it says they are."""
    shipped = shipped_models_file()
    text = shipped.read_text(encoding="utf-8")
    file = parse_models(text, shipped)
    assert file.problems == ()
    assert file.default == "pocket-l"
    assert [model.name for model in file.models] == ["pocket-m", "pocket-l", "pocket-s", "pocket-l-base"]
    assert {type(model) for model in file.models} == {ModelSpec}

    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith('# ["qwen3-4b"]'))
    rows = [line[2:] for line in lines[start:] if line.startswith("# [") or " = " in line]
    guide = tomllib.loads("\n".join(rows))["qwen3-4b"]
    assert {*guide, *(f"sampling.{key}" for key in guide["sampling"])} == {
        *models._checks(Path()).keys() - {*LATER, "main_gpu"},
        *(f"sampling.{setting.name}" for setting in SETTINGS),
    }
    (spec,) = parse_models("\n".join(rows), shipped).models
    assert isinstance(spec, ModelSpec)
    assert "Or main_gpu:" in text
    told = {"tensor_split", "rpc", "lora", "draft", "path"} | {
        "name",
        "source",
        "n_ctx",
        "system",
        "thinking",
        "rope",
        "sampling",
    }
    bare = ModelSpec(name="", path="")
    for name in ModelSpec.__dataclass_fields__.keys() - told:
        assert getattr(spec, name) == getattr(bare, name), name
    for name, value in DEFAULTS.changed().items():
        assert name in ("stop", "logit_bias") or getattr(spec.sampling, name) == value, name


def test_a_server_stands_in_a_table_of_its_own() -> None:
    text = '[far]\nurl = "https://api.example.org/v1/"\nmodel = "large"\nkey_env = "A_KEY"'
    text += "\nparallel = 8\nn_ctx = 4096\nsampling.seed = 3"
    (model,) = parse_models(text, HERE).models
    assert isinstance(model, ModelSpec)
    assert model.remote == Remote(url="https://api.example.org/v1", model="large", key_env="A_KEY", parallel=8)
    assert (model.n_ctx, model.sampling.seed) == (4096, 3)
    assert (model.remote.host, model.remote.encrypted) == ("api.example.org", True)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('url = "api.example.org"', 'url: "api.example.org" is no address such as http://127.0.0.1:8080/v1'),
        ('url = "ftp://example.org"', 'url: "ftp://example.org" is no address such as http://127.0.0.1:8080/v1'),
        ('url = "http://[::1/v1"', 'url: "http://[::1/v1" is no address such as http://127.0.0.1:8080/v1'),
        ('url = "http://a:99999/"', 'url: "http://a:99999/" is no address such as http://127.0.0.1:8080/v1'),
        (
            'url = "http://me:secret@a/v1"',
            "url: holds a name or password; name the variable that holds the key under key_env",
        ),
        ('url = "http://a/v1?key=1"', 'url: "http://a/v1?key=1" ends with more than a path'),
        ('url = "http://bücher/v1"', 'url: "http://bücher/v1" holds letters that an address cannot have'),
        ('url = "http://a"\nmodel = " "', 'model: "" is no name of a model'),
        (
            'url = "http://a"\nkey_env = "sk-123"',
            "key_env: is no name of an environment variable; the key itself never stands in this file",
        ),
        (
            'url = "http://a"\napi_key = "sk-123"',
            "api_key: a key never stands in this file: write key_env and the name of the variable that holds it",
        ),
        ('url = "http://a"\npath = "b"', "path: names one of the two: path, or url"),
        ('url = "http://a"\nn_batch = 8', "n_batch: does nothing with url: the server decides that"),
        ('path = "b"\nparallel = 8', "parallel: does nothing without url"),
        ('url = "http://a"\nmodle = "b"', "modle: there is no such key; did you mean model?"),
    ],
)
def test_what_is_wrong_with_a_server_is_told_and_no_key_shown(table: str, problem: str) -> None:
    (bad,) = parse_models(f"[far]\n{table}", HERE).models
    assert isinstance(bad, BadModel)
    assert bad.problem.split("[far] ")[1] == problem
    assert "sk-123" not in bad.problem
