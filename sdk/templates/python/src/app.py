"""Roles become a claim of the access token."""

import json

import wit_world
from wit_world.imports.types import Claim, Effect, Effect_SetAccessClaim, Exchange


class WitWorld(wit_world.WitWorld):
    def decide(self, exchange: Exchange) -> list[Effect]:
        if exchange.user is None:
            return []
        roles = json.dumps(exchange.user.roles)
        return [Effect_SetAccessClaim(Claim("https://example.com/roles", roles))]
