//! Roles become a claim of the access token.

use claimsmith_rule::{Denial, Effect, Exchange, rule, set_access_claim};

fn decide(exchange: Exchange) -> Result<Vec<Effect>, Denial> {
    let Some(user) = exchange.user else {
        return Ok(vec![]);
    };
    Ok(vec![set_access_claim("https://example.com/roles", &user.roles)])
}

rule!(decide);

#[cfg(test)]
mod tests {
    use claimsmith_rule::testing;

    #[test]
    fn a_user_without_roles_gets_an_empty_claim() {
        let effects = super::decide(testing::exchange()).unwrap();
        assert_eq!(effects.len(), 1);
    }
}
