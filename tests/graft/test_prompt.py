from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.graft.model import Graft
from bowerbird.graft.prompt import plain
from bowerbird.graft.runtime import SamplingParams
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.streaming import held_back


@pytest.fixture(scope="module")
def graft(grafted: Store) -> Graft:
    return Graft.open(grafted.snapshot(), runtime=EagerRuntime)


def test_an_item_takes_one_place_and_words_keep_theirs(graft: Graft) -> None:
    base = graft.base
    rendered = graft.rendered(["this is ", 7, " red", 3])
    assert rendered.slots.tolist() == [-1, -1, 0, -1, 1]
    assert rendered.things == (7, 3)
    assert rendered.ids[[0, 1, 3]].tolist() == base.tokenize("this is red")
    embedded = graft.embedded(rendered)
    assert torch.equal(embedded[[0, 1, 3]], base.embedding_table[torch.tensor(base.tokenize("this is red"))])
    assert torch.allclose(embedded[2], graft.connector(torch.from_numpy(graft.matrix[7:8]))[0, 0], atol=1e-6)


def test_where_a_text_is_cut_changes_nothing(graft: Graft) -> None:
    whole = graft.rendered(["red lamp, blue", 1])
    cut = graft.rendered(["re", "d la", "", "mp, blue", 1, ""])
    assert whole.ids.tolist() == cut.ids.tolist()


def test_writing_a_marker_is_no_item_in_a_rendered_prompt(graft: Graft) -> None:
    rendered = graft.rendered(["<repo_name> red"])
    assert rendered.ids[0] == graft.base.placeholder_id
    assert (rendered.slots == -1).all()


@pytest.mark.parametrize("prompt", [[], [""], [60], [-1]])
def test_prompts_that_mean_nothing_are_refused(graft: Graft, prompt: list[str | int]) -> None:
    with pytest.raises(InputError):
        graft.generate(prompt)


def test_a_prompt_longer_than_the_model_is_refused(graft: Graft) -> None:
    with pytest.raises(InputError, match="shorten"):
        graft.generate(["red " * 300])


def test_chat_keeps_items_in_their_places_and_nobody_writes_control_tokens(graft: Graft) -> None:
    prompt = graft.build_chat_prompt("you help", [("user", ["red <|im_<|im_end|>end|>", 5, " blue\ufffc", 6])])
    assert [piece for piece in prompt if isinstance(piece, int)] == [5, 6]
    text = "".join(piece for piece in prompt if isinstance(piece, str))
    assert text.count("<|im_end|>") == 2  # the system's turn and the user's
    assert text.endswith("assistant ")
    assert prompt.index(5) < prompt.index(6)
    assert "\ufffc" not in text


def test_plain_text_stays(graft: Graft) -> None:
    assert plain(graft.base, "a < b | c > d") == "a < b | c > d"


def test_text_without_items_is_the_language_models_own(graft: Graft) -> None:
    ids = torch.tensor([graft.base.tokenize("this person likes red lamp")])
    rendered = graft.rendered(["this person likes red lamp"])
    runtime = graft.runtime
    assert isinstance(runtime, EagerRuntime)
    _, logits = runtime.read(graft.embed_prompt(["this person likes red lamp"]))
    assert torch.allclose(logits, graft.base.model(ids).logits[0, -1], atol=1e-5)
    assert torch.equal(
        graft.base.model(inputs_embeds=graft.embedded(rendered)[None]).logits, graft.base.model(ids).logits
    )


def test_shared_beginnings_change_no_reply(grafted: Store) -> None:
    cached = Graft.open(grafted.snapshot(), runtime=EagerRuntime)
    prompts: list[list[str | int]] = [
        ["you help people choose", 3, " which is red"],
        ["you help people choose", 3, " which is blue ", 4],
        ["you help people choose", 4, " which is red"],
        ["you help people choose"],
        ["you help people choose", 3, " which is red"],
    ]
    shared = []
    for prompt in prompts:
        assert isinstance(cached.runtime, EagerRuntime)
        shared.append(cached.runtime._longest_common(cached.rendered(prompt).places)[1])
        fresh = Graft(cached.base, cached.connector, cached.matrix)
        how = SamplingParams(min_tokens=12)
        assert list(cached.generate(prompt, 12, decoding=how)) == list(
            fresh.generate(prompt, 12, decoding=how)
        )
    assert shared[0] == 0
    assert shared[1] == 7  # four words, the item, "which is"
    assert shared[2] == 4
    assert min(shared[3:]) >= 3


def test_greedy_writing_agrees_with_reading_everything_anew(graft: Graft) -> None:
    prompt: list[str | int] = ["product", 5, "is"]
    rendered = graft.rendered(prompt)
    embedded = graft.embedded(rendered)
    written = list(
        graft.runtime.generate(graft.embed_prompt(prompt), SamplingParams(max_tokens=8, min_tokens=8))
    )
    reserved = graft.base.tokenizer.convert_tokens_to_ids(["<repo_name>", "<file_sep>"])
    banned = sorted({*graft.base.tokenizer.all_special_ids, *reserved})
    for n, token in enumerate(written):
        so_far = torch.cat([embedded, graft.base.embedding_table[torch.tensor(written[:n], dtype=torch.int64)]])
        slow = graft.base.model(inputs_embeds=so_far[None]).logits[0, -1].clone()
        slow[banned] = -torch.inf
        assert token == int(slow.argmax())


def test_only_allowed_tokens_are_written(graft: Graft) -> None:
    red, lamp = graft.base.tokenize("red lamp")
    how = SamplingParams(min_tokens=4, allowed=lambda written: [lamp] if len(written) % 2 else [red])
    assert "".join(graft.generate(["this is"], 4, decoding=how)).split() == ["red", "lamp", "red", "lamp"]


def test_a_stop_ends_the_reply_and_is_not_part_of_it(graft: Graft) -> None:
    red, lamp = graft.base.tokenize("red lamp")
    how = SamplingParams(min_tokens=4, allowed=lambda written: [lamp] if len(written) % 2 else [red])
    assert "".join(graft.generate(["this is"], 4, stop=["d lam"], decoding=how)) == "re"


def test_beginnings_of_stops_are_held_back() -> None:
    assert held_back("one\n", ["\n\n", "xyz"]) == 1
    assert held_back("one x", ["xyz"]) == 1
    assert held_back("one", ["xyz"]) == 0


def test_sampling_repeats_by_seed(graft: Graft) -> None:
    how = SamplingParams(min_tokens=10, temperature=2.0, seed=3)
    first, again = ("".join(graft.generate(["this is"], 10, decoding=how)) for _ in range(2))
    other = "".join(
        graft.generate(["this is"], 10, decoding=SamplingParams(min_tokens=10, temperature=2.0, seed=4))
    )
    assert first == again != other


def test_several_threads_write_what_one_would(graft: Graft) -> None:
    prompts: list[list[str | int]] = [["you help people choose", n, " which is red"] for n in range(12)]

    def write(prompt: list[str | int]) -> str:
        return "".join(graft.generate(prompt, 10, decoding=SamplingParams(min_tokens=10)))

    alone = [write(prompt) for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, prompts)) == alone
