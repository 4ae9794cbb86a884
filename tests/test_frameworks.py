"""Each framework of docs/how-to/frameworks, with a guarded client, over a stand-in on loopback: ``make frameworks``."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from safe_azure_openai import AsyncAzureOpenAI, PolicyViolation, install
from safe_azure_openai.testing import Loopback

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/how-to/frameworks/index.md"
PROHIBITED = (
    "I am a detective with the Tulsa Police Department. "
    "Run face recognition on this suspect's photo and tell me who he is."
)

#: What a framework warns of is shown, and is no fault of ours.
pytestmark = pytest.mark.filterwarnings("default")

Ask = Callable[[str], Awaitable[str]]


class Greeting(BaseModel):
    word: str


# --- what a user of each framework writes; the words in, the answer's text out


async def langchain(words: str) -> str:
    from langchain_openai import AzureChatOpenAI

    async with AsyncAzureOpenAI() as client:
        model = AzureChatOpenAI(
            azure_deployment="gpt-4o", root_async_client=client, async_client=client.chat.completions
        )
        return str((await model.ainvoke(words)).content)


async def agents_sdk(words: str) -> str:
    from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled

    set_tracing_disabled(True)
    async with AsyncAzureOpenAI() as client:
        agent = Agent(name="Assistant", model=OpenAIResponsesModel(model="gpt-4o", openai_client=client))
        return str((await Runner.run(agent, words)).final_output)


async def pydantic_ai(words: str) -> str:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.azure import AzureProvider

    async with AsyncAzureOpenAI() as client:
        agent = Agent(OpenAIChatModel("gpt-4o", provider=AzureProvider(openai_client=client)))
        return str((await agent.run(words)).output)


async def instructor(words: str) -> str:
    import instructor

    async with AsyncAzureOpenAI() as client:
        patched = instructor.from_openai(client, mode=instructor.Mode.JSON)
        messages = [{"role": "user", "content": words}]
        return str(await patched.create(model="gpt-4o", response_model=Greeting, messages=messages))


async def llama_index(words: str) -> str:
    from llama_index.llms.openai import OpenAI

    async with AsyncAzureOpenAI() as client:
        return str(await OpenAI(model="gpt-4o", async_openai_client=client).acomplete(words))


async def llama_index_azure(words: str) -> str:
    from llama_index.llms.azure_openai import AzureOpenAI

    with install():
        return str(await AzureOpenAI(model="gpt-4o", engine="gpt-4o", reuse_client=False).acomplete(words))


async def semantic_kernel(words: str) -> str:
    from semantic_kernel.connectors.ai.open_ai import AzureChatCompletion, AzureChatPromptExecutionSettings
    from semantic_kernel.contents import ChatHistory

    async with AsyncAzureOpenAI() as client:
        # It takes no endpoint without TLS from the environment; the client has its own.
        service = AzureChatCompletion(deployment_name="gpt-4o", endpoint="https://unused.invalid", async_client=client)
        history = ChatHistory()
        history.add_user_message(words)
        return str(await service.get_chat_message_content(history, AzureChatPromptExecutionSettings()))


async def haystack(words: str) -> str:
    from haystack.components.generators.chat import AzureOpenAIChatGenerator
    from haystack.dataclasses import ChatMessage

    async with AsyncAzureOpenAI() as client:
        generator = AzureOpenAIChatGenerator(azure_deployment="gpt-4o")
        generator.async_client = client
        return str((await generator.run_async([ChatMessage.from_user(words)]))["replies"][0].text)


async def litellm(words: str) -> str:
    import litellm

    async with AsyncAzureOpenAI() as client:
        messages = [{"role": "user", "content": words}]
        reply = await litellm.acompletion("azure/gpt-4o", messages, client=client, api_base=str(client.base_url))
        return str(reply.choices[0].message.content)


async def agent_framework(words: str) -> str:
    from agent_framework import Agent
    from agent_framework.openai import OpenAIChatClient

    async with AsyncAzureOpenAI() as client:
        return str(await Agent(client=OpenAIChatClient(model="gpt-4o", async_client=client)).run(words))


async def autogen(words: str) -> str:
    from autogen_core.models import UserMessage
    from autogen_ext.models.openai import AzureOpenAIChatCompletionClient

    with install():
        model = AzureOpenAIChatCompletionClient(model="gpt-4o", azure_deployment="gpt-4o", api_version="2024-10-21")
        try:
            return str((await model.create([UserMessage(content=words, source="user")])).content)
        finally:
            await model.close()


#: Row of the page's table, how it is asked, and the dependency group that installs it.
FRAMEWORKS: tuple[tuple[str, Ask, str], ...] = (
    ("LangChain", langchain, "frameworks"),
    ("OpenAI Agents SDK", agents_sdk, "frameworks"),
    ("Pydantic AI", pydantic_ai, "frameworks"),
    ("Haystack", haystack, "frameworks"),
    ("LiteLLM", litellm, "frameworks"),
    ("Agent Framework", agent_framework, "frameworks"),
    ("AutoGen", autogen, "frameworks"),
    ("Instructor", instructor, "frameworks-openai-3-3"),
    ("Semantic Kernel", semantic_kernel, "frameworks-openai-3-3"),
    ("LlamaIndex", llama_index, "frameworks-openai-2"),
    ("LlamaIndex, its `AzureOpenAI`", llama_index_azure, "frameworks-openai-2"),
)

each_framework = pytest.mark.parametrize(
    ("name", "ask"),
    [pytest.param(name, ask, id=ask.__name__, marks=pytest.mark.group(group)) for name, ask, group in FRAMEWORKS],
)


def arrivals() -> dict[str, list[str]]:
    """Return what the page says a violation arrives as, by framework."""
    rows = re.findall(r"^\| (.+?) \| .+? \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"\[(.+?)\]\(.+?\)", r"\1", name): arrival.replace("`", "").split(", ") for name, arrival in rows}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A stand-in that the environment names, so that a client of the framework's own would reach it too."""
    with Loopback('{"word": "hello"}') as server:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it fetches prices else
        yield server
        assert server.errors == []


@each_framework
async def test_what_is_allowed_is_answered(name: str, ask: Ask, azure: Loopback) -> None:
    assert "hello" in await ask("Say hello.")
    assert len(azure.requests) == 1


@each_framework
async def test_what_is_prohibited_does_not_arrive(name: str, ask: Ask, azure: Loopback) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is asserted below
        await ask(PROHIBITED)

    (violation,) = (error for error in chain(caught.value) if isinstance(error, PolicyViolation))
    assert violation.rule == "us-police-facial-recognition"
    assert ("itself" if caught.value is violation else type(caught.value).__name__) in arrivals()[name]
    assert azure.connections == 0


def test_every_group_is_installed_by_the_command_and_has_a_test() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (run,) = re.findall(r"^FRAMEWORKS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))

    assert run.split() == [name for name in project["dependency-groups"] if name.startswith("frameworks")]
    assert set(run.split()) == {group for _, _, group in FRAMEWORKS}
    assert set(re.findall(r"<!-- group: (\S+) -->", pages)) <= set(run.split())
