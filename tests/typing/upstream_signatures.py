"""Read by mypy and pyright only: our classes show the types of upstream's constructors, copies and results."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletion
    from typing_extensions import assert_type

    from safe_azure_openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, Guard, OpenAI

    def constructors(guard: Guard) -> None:
        assert_type(AzureOpenAI(azure_endpoint="https://x", api_version="1").copy(timeout=3), AzureOpenAI)
        assert_type(AzureOpenAI(base_url="https://x", azure_ad_token="t").with_options(max_retries=1), AzureOpenAI)
        assert_type(OpenAI(api_key="k").with_guard(guard).copy(), OpenAI)
        assert_type(AsyncOpenAI(api_key="k").with_guard(guard), AsyncOpenAI)
        AzureOpenAI(guard=guard)  # type: ignore[call-overload]  # no constructor argument is added
        OpenAI(guard=guard)  # type: ignore[call-arg]
        OpenAI(api_key=7)  # type: ignore[arg-type]
        AzureOpenAI(azure_endpoint=7)  # type: ignore[call-overload]

    def results(client: AzureOpenAI) -> None:
        assert_type(client.chat.completions.create(model="m", messages=[]), ChatCompletion)

    async def asynchronous_results(client: AsyncAzureOpenAI) -> None:
        assert_type(await client.chat.completions.create(model="m", messages=[]), ChatCompletion)

    def substitutes(client: AzureOpenAI, other: AsyncAzureOpenAI) -> tuple[openai.AzureOpenAI, openai.OpenAI, OpenAI]:
        accepted: list[openai.AsyncOpenAI] = [other]
        assert accepted
        return client, client, client
