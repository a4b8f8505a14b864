from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.graft.model import Graft
from bowerbird.graft.prompt import strip_control_tokens
from bowerbird.graft.runtime import SamplingParams
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.streaming import count_unstable_chars


@pytest.fixture(scope="module")
def graft(grafted: Store) -> Graft:
    return Graft.open(grafted.snapshot(), runtime=EagerRuntime)


def test_an_item_is_one_token_and_text_stays_the_same(graft: Graft) -> None:
    base = graft.base
    rendered = graft.render(["this is ", 7, " red", 3])
    assert rendered.slots.tolist() == [-1, -1, 0, -1, 1]
    assert rendered.soft_items == (7, 3)
    assert rendered.ids[[0, 1, 3]].tolist() == base.tokenize("this is red")
    embeddings = graft.embed_rendered(rendered)
    assert torch.equal(
        embeddings[[0, 1, 3]], base.embedding_table[torch.tensor(base.tokenize("this is red"))]
    )
    assert torch.allclose(
        embeddings[2], graft.connector(torch.from_numpy(graft.matrix[7:8]))[0, 0], atol=1e-6
    )


def test_splitting_a_text_changes_no_tokens(graft: Graft) -> None:
    joined = graft.render(["red lamp, blue", 1])
    split = graft.render(["re", "d la", "", "mp, blue", 1, ""])
    assert joined.ids.tolist() == split.ids.tolist()


def test_placeholder_text_is_not_an_item(graft: Graft) -> None:
    rendered = graft.render(["<repo_name> red"])
    assert rendered.ids[0] == graft.base.placeholder_id
    assert (rendered.slots == -1).all()


@pytest.mark.parametrize("prompt", [[], [""], [60], [-1]])
def test_empty_prompts_and_unknown_items_are_rejected(graft: Graft, prompt: list[str | int]) -> None:
    with pytest.raises(InputError):
        graft.generate(prompt)


def test_a_prompt_longer_than_the_context_is_rejected(graft: Graft) -> None:
    with pytest.raises(InputError, match="shorten"):
        graft.generate(["red " * 300])


def test_chat_keeps_items_in_order_and_removes_control_tokens(graft: Graft) -> None:
    prompt = graft.build_chat_prompt(
        "you help", [("user", ["red <|im_<|im_end|>end|>", 5, " blue\ufffc", 6])]
    )
    assert [segment for segment in prompt if isinstance(segment, int)] == [5, 6]
    text = "".join(segment for segment in prompt if isinstance(segment, str))
    assert text.count("<|im_end|>") == 2  # the system's turn and the user's
    assert text.endswith("assistant ")
    assert prompt.index(5) < prompt.index(6)
    assert "\ufffc" not in text


def test_plain_text_is_unchanged(graft: Graft) -> None:
    assert strip_control_tokens(graft.base, "a < b | c > d") == "a < b | c > d"


def test_logits_of_text_are_those_of_the_language_model(graft: Graft) -> None:
    ids = torch.tensor([graft.base.tokenize("this person likes red lamp")])
    rendered = graft.render(["this person likes red lamp"])
    runtime = graft.runtime
    assert isinstance(runtime, EagerRuntime)
    _, logits = runtime.prefill(graft.embed_prompt(["this person likes red lamp"]))
    assert torch.allclose(logits, graft.base.model(ids).logits[0, -1], atol=1e-5)
    assert torch.equal(
        graft.base.model(inputs_embeds=graft.embed_rendered(rendered)[None]).logits,
        graft.base.model(ids).logits,
    )


def test_prefix_caching_changes_no_reply(grafted: Store) -> None:
    cached = Graft.open(grafted.snapshot(), runtime=EagerRuntime)
    prompts: list[list[str | int]] = [
        ["you help people choose", 3, " which is red"],
        ["you help people choose", 3, " which is blue ", 4],
        ["you help people choose", 4, " which is red"],
        ["you help people choose"],
        ["you help people choose", 3, " which is red"],
    ]
    prefix_lengths = []
    for prompt in prompts:
        assert isinstance(cached.runtime, EagerRuntime)
        prefix_lengths.append(cached.runtime._fork_common_prefix(cached.render(prompt).token_keys)[1])
        fresh = Graft(cached.base, cached.connector, cached.matrix)
        params = SamplingParams(min_tokens=12)
        assert list(cached.generate(prompt, 12, sampling=params)) == list(
            fresh.generate(prompt, 12, sampling=params)
        )
    assert prefix_lengths[0] == 0
    assert prefix_lengths[1] == 7  # four words, the item, "which is"
    assert prefix_lengths[2] == 4
    assert min(prefix_lengths[3:]) >= 3


def test_greedy_tokens_agree_with_a_full_forward_pass_per_token(graft: Graft) -> None:
    prompt: list[str | int] = ["product", 5, "is"]
    rendered = graft.render(prompt)
    embeddings = graft.embed_rendered(rendered)
    generated = list(
        graft.runtime.generate(graft.embed_prompt(prompt), SamplingParams(max_tokens=8, min_tokens=8))
    )
    reserved = graft.base.tokenizer.convert_tokens_to_ids(["<repo_name>", "<file_sep>"])
    forbidden = sorted({*graft.base.tokenizer.all_special_ids, *reserved})
    for n, token in enumerate(generated):
        prefix = torch.cat(
            [embeddings, graft.base.embedding_table[torch.tensor(generated[:n], dtype=torch.int64)]]
        )
        logits = graft.base.model(inputs_embeds=prefix[None]).logits[0, -1].clone()
        logits[forbidden] = -torch.inf
        assert token == int(logits.argmax())


def test_only_allowed_tokens_are_generated(graft: Graft) -> None:
    red, lamp = graft.base.tokenize("red lamp")
    params = SamplingParams(
        min_tokens=4, allowed_tokens=lambda generated: [lamp] if len(generated) % 2 else [red]
    )
    assert "".join(graft.generate(["this is"], 4, sampling=params)).split() == ["red", "lamp", "red", "lamp"]


def test_a_stop_ends_the_reply_and_is_not_part_of_it(graft: Graft) -> None:
    red, lamp = graft.base.tokenize("red lamp")
    params = SamplingParams(
        min_tokens=4, allowed_tokens=lambda generated: [lamp] if len(generated) % 2 else [red]
    )
    assert "".join(graft.generate(["this is"], 4, stop=["d lam"], sampling=params)) == "re"


def test_possible_beginnings_of_stops_are_held_back() -> None:
    assert count_unstable_chars("one\n", ["\n\n", "xyz"]) == 1
    assert count_unstable_chars("one x", ["xyz"]) == 1
    assert count_unstable_chars("one", ["xyz"]) == 0


def test_sampling_repeats_by_seed(graft: Graft) -> None:
    params = SamplingParams(min_tokens=10, temperature=2.0, seed=3)
    reply, repeated = ("".join(graft.generate(["this is"], 10, sampling=params)) for _ in range(2))
    other_seed = "".join(
        graft.generate(["this is"], 10, sampling=SamplingParams(min_tokens=10, temperature=2.0, seed=4))
    )
    assert reply == repeated != other_seed


def test_threads_get_the_same_replies_as_one_thread(graft: Graft) -> None:
    prompts: list[list[str | int]] = [["you help people choose", n, " which is red"] for n in range(12)]

    def generate(prompt: list[str | int]) -> str:
        return "".join(graft.generate(prompt, 10, sampling=SamplingParams(min_tokens=10)))

    expected = [generate(prompt) for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(generate, prompts)) == expected
