"""`/v1/models` and `/v1/embeddings`, in OpenAI's format."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from bowerbird.serve.app_state import AppState
from bowerbird.serve.openai.bodies import EmbeddingList, ModelBody, ModelList
from bowerbird.serve.openai.chat_request import MODEL, unknown_model
from bowerbird.serve.openai.embeddings import EmbeddingRequest, embed
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router

MAX_BODY_BYTES = 2_200 * KB  # 256 texts of 8,000 characters
_MODEL = ModelBody(id=MODEL, object="model", created=0, owned_by=MODEL)


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, threads = guarded_router(RouteRules(Role.CHAT, MAX_BODY_BYTES)), CapacityLimiter(2)

    @router.get("/v1/models")
    async def models() -> ModelList:
        """List the only model."""
        return ModelList(object="list", data=[_MODEL])

    @router.get("/v1/models/{model:id}", response_model=None, responses={200: {"model": ModelBody}})
    async def model(model: str) -> Response:
        """One model."""
        return JSONResponse(_MODEL.model_dump()) if model == MODEL else unknown_model(model)

    @router.post("/v1/embeddings", response_model=None, responses={200: {"model": EmbeddingList}})
    async def embeddings(body: EmbeddingRequest) -> Response:
        """Vectors of texts and items, in the space of the items."""
        if body.model != MODEL:
            return unknown_model(body.model)
        return JSONResponse(await to_thread.run_sync(embed, body, app_state.served, limiter=threads))

    return router
