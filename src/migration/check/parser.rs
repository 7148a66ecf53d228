//! Reads the predicates that people write over a column; anything else is `None`.

use super::expression::Expression;
use super::expression::Expression::{And, Cast, Coalesce, Column, Compare, In, Is, Literal, Not, Or, Text};
use crate::schema::{Kind, Token};

/// The expression that all the tokens make up.
pub(super) fn parse(tokens: &[Token]) -> Option<Expression> {
    let mut parser = Parser { tokens, depth: 0 };
    let expression = parser.any()?;
    parser.tokens.is_empty().then_some(expression)
}

/// No predicate is nested deeper; and a stack has an end.
const DEPTH: usize = 64;

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<Expression> {
        let mut any = vec![self.all()?];
        while self.take("OR") {
            any.push(self.all()?);
        }
        Some(flat(any, Or))
    }

    fn all(&mut self) -> Option<Expression> {
        let mut all = vec![self.not()?];
        while self.take("AND") {
            all.push(self.not()?);
        }
        Some(flat(all, And))
    }

    fn not(&mut self) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let expression =
            if self.take("NOT") { self.not().map(|inner| Not(Box::new(inner))) } else { self.comparison() };
        self.depth -= 1;
        expression
    }

    fn comparison(&mut self) -> Option<Expression> {
        let mut left = self.operand()?;
        loop {
            left = if self.take("ISNULL") {
                is(false, left, null())
            } else if self.take("NOTNULL") {
                is(true, left, null())
            } else if self.take("IS") {
                let negated = self.take("NOT");
                if self.take("DISTINCT") {
                    self.take("FROM").then_some(())?;
                    let right = self.operand()?;
                    // Only for NULL do the planners see that the two are the same.
                    if matches!(&right, Literal(text) if text.eq_ignore_ascii_case("null")) {
                        is(!negated, left, right)
                    } else {
                        let distinct = is(true, left, right);
                        if negated { Not(Box::new(distinct)) } else { distinct }
                    }
                } else {
                    is(negated, left, self.operand()?)
                }
            } else if self.take("IN") {
                In(false, Box::new(left), self.list()?)
            } else if self.take("NOT") {
                if self.take("IN") {
                    In(true, Box::new(left), self.list()?)
                } else {
                    self.take("NULL").then_some(())?;
                    is(true, left, null())
                }
            } else if let Some(operator) = self.operator() {
                Compare(operator, Box::new(left), Box::new(self.operand()?))
            } else {
                return Some(left);
            };
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        let Kind::Symbol(symbol) = self.tokens.first()?.kind else { return None };
        let operator = match symbol {
            "=" | "==" => "=",
            "<>" | "!=" => "<>",
            "<" | "<=" | ">" | ">=" => symbol,
            _ => return None,
        };
        self.tokens = &self.tokens[1..];
        Some(operator)
    }

    fn operand(&mut self) -> Option<Expression> {
        let mut expression = match &self.next()?.kind {
            Kind::Symbol("(") => {
                let inner = self.any()?;
                self.take_symbol(")").then_some(inner)?
            }
            Kind::Symbol("-") => match &self.next()?.kind {
                Kind::Number(number) => Literal(format!("-{number}")),
                _ => return None,
            },
            Kind::Number(number) => Literal(number.clone()),
            Kind::Text(text) => Text(text.clone()),
            Kind::Name(name) => self.column(name.clone())?,
            Kind::Word(word) => self.word(word.clone())?,
            Kind::Symbol(_) | Kind::Other(_) => return None,
        };
        // PostgreSQL prints a text that was given for a value with its type.
        while self.take_symbol("::") {
            let Kind::Word(ty) = self.next()?.kind else { return None };
            // `timestamp without time zone`
            while self.tokens.first().is_some_and(|next| {
                ["without", "with", "time", "zone", "varying", "precision"].iter().any(|word| next.is(word))
            }) {
                self.tokens = &self.tokens[1..];
            }
            // A cast of a literal is that literal. A flag of a domain is cast to its type; one of
            // another type is no flag.
            if !matches!(expression, Literal(_) | Text(_)) && ty != "boolean" {
                expression = Cast(Box::new(expression), ty);
            }
        }
        Some(expression)
    }

    fn word(&mut self, word: String) -> Option<Expression> {
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "TRUE" | "FALSE" | "NULL" | "UNKNOWN" => Some(Literal(word)),
            "COALESCE" | "IFNULL" => self.list().map(Coalesce),
            "NOT" | "AND" | "OR" | "CASE" | "CAST" | "SELECT" | "EXISTS" => None,
            _ => self.column(word),
        }
    }

    fn column(&mut self, mut name: String) -> Option<Expression> {
        while self.take_symbol(".") {
            let (Kind::Word(last) | Kind::Name(last)) = &self.next()?.kind else { return None };
            name.clone_from(last);
        }
        // A function.
        (!self.tokens.first().is_some_and(|next| next.is_symbol("("))).then_some(Column(name))
    }

    fn list(&mut self) -> Option<Vec<Expression>> {
        self.take_symbol("(").then_some(())?;
        let mut list = vec![self.any()?];
        while self.take_symbol(",") {
            list.push(self.any()?);
        }
        self.take_symbol(")").then_some(list)
    }

    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn take(&mut self, keyword: &str) -> bool {
        self.take_if(|token| token.is(keyword))
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        self.take_if(|token| token.is_symbol(symbol))
    }

    fn take_if(&mut self, is: impl Fn(&Token) -> bool) -> bool {
        let found = self.tokens.first().is_some_and(is);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }
}

fn is(negated: bool, left: Expression, right: Expression) -> Expression {
    let right = if matches!(&right, Literal(text) if text.eq_ignore_ascii_case("null")) { null() } else { right };
    Is(negated, Box::new(left), Box::new(right))
}

fn null() -> Expression {
    Literal(String::from("NULL"))
}

fn flat(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}
