"""Listener rules: create, describe, modify, delete, and the order among them.

API: CreateRule, ModifyRule (each list replaced whole, omitted ones kept), SetRulePriorities (judged on the resulting
order, so that swaps fit one call), DescribeRules (default rule last), DeleteRule.
"""

from __future__ import annotations

from typing import Any

from no502_localstack import choices
from no502_localstack.elbv2 import actions, auth_actions, conditions, limits, listeners, names, tags, transforms
from no502_localstack.elbv2.errors import error, validation
from no502_localstack.elbv2.paging import paged
from no502_localstack.elbv2.store import Listener, Rule, Store

Json = dict[str, Any]


def require(store: Store, arn: str) -> tuple[Listener, Rule]:
    names.check_arn("listener rule", arn)
    found = store.rule(arn)
    if found is None:
        raise names.not_found("listener rule")
    return found


def create_rule(store: Store, request: Json) -> Json:
    listener = listeners.require(store, request["ListenerArn"])
    balancer = store.load_balancers[listener.load_balancer_arn]
    if balancer.kind == "gateway":
        raise error("UnsupportedProtocol", "Rules are not supported on listeners of Gateway Load Balancers")
    priority = request["Priority"]
    shown_conditions = conditions.normalise(store, request["Conditions"], balancer.kind)
    shown_transforms = transforms.normalise(request.get("Transforms") or [])
    shown_actions = actions.normalise(store, balancer, listener.protocol, request["Actions"])
    new_tags = tags.parse(store, request.get("Tags"))
    if any(rule.priority == priority for rule in listener.rules.values()):
        raise error("PriorityInUse", f"Priority '{priority}' is currently in use")
    carried = sum(len(other.rules) for other in balancer.listeners.values()) + 1
    limits.require(store, "rules-per-application-load-balancer", carried, "TooManyRules",
                   f"The maximum number of rules on load balancer '{balancer.arn}' has been reached")
    rule = Rule(names.rule_arn(listener.arn), priority, shown_conditions, shown_actions, shown_transforms, new_tags)
    listener.rules[rule.arn] = rule
    store.relink()
    return {"Rules": [shown(rule)]}


def modify_rule(store: Store, request: Json) -> Json:
    listener, rule = require(store, request["RuleArn"])
    if rule.priority is None:
        raise error("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be modified")
    given = [key for key in ("Conditions", "Actions", "Transforms") if request.get(key)]
    reset = bool(request.get("ResetTransforms"))
    if not given and not reset:
        raise validation("Either conditions, actions or transforms must be specified")
    if reset and "Transforms" in given:
        raise validation("You cannot specify both transforms and 'ResetTransforms'")
    balancer = store.load_balancers[listener.load_balancer_arn]
    new_conditions, new_actions, new_transforms = rule.conditions, rule.actions, rule.transforms
    if "Conditions" in given:
        new_conditions = conditions.normalise(store, request["Conditions"], balancer.kind)
    if "Transforms" in given or reset:
        new_transforms = transforms.normalise(request.get("Transforms") or [])
    if "Actions" in given:
        new_actions = actions.normalise(store, balancer, listener.protocol, request["Actions"], rule.actions)
    rule.conditions, rule.actions, rule.transforms = new_conditions, new_actions, new_transforms
    store.relink()
    return {"Rules": [shown(rule)]}


def set_rule_priorities(store: Store, request: Json) -> Json:
    pairs = request["RulePriorities"]
    if not pairs:
        raise validation("At least one rule priority must be specified")
    wanted: dict[str, int] = {}
    touched: dict[str, tuple[Listener, Rule]] = {}
    for pair in pairs:
        arn, priority = pair.get("RuleArn"), pair.get("Priority")
        if not arn or priority is None:
            raise validation("A rule ARN and a priority must be specified")
        if arn in wanted:
            raise validation(f"Rule '{arn}' was specified more than once")
        touched[arn], wanted[arn] = require(store, arn), priority
    if any(rule.priority is None for _, rule in touched.values()):
        raise error("OperationNotPermitted", "The priority of a default rule cannot be changed")
    owners = {listener.arn: listener for listener, _ in touched.values()}
    if len(owners) > 1:
        raise validation("All rules must belong to the same listener")
    listener = next(iter(owners.values()))
    resulting = [wanted.get(rule.arn, rule.priority) for rule in listener.rules.values()]
    for priority in wanted.values():
        if resulting.count(priority) > 1:
            raise error("PriorityInUse", f"Priority '{priority}' is currently in use")
    for arn, (_, rule) in touched.items():
        rule.priority = wanted[arn]
    return {"Rules": [shown(rule) for _, rule in touched.values()]}


def describe_rules(store: Store, request: Json) -> Json:
    listener_arn, arns = request.get("ListenerArn"), request.get("RuleArns")
    if bool(listener_arn) == bool(arns):
        raise validation("You must specify either listener rule ARNs or a listener ARN")
    if arns:
        if len(arns) > choices.MAX_DESCRIBED_BY_ID:
            raise validation(f"You cannot describe more than '{choices.MAX_DESCRIBED_BY_ID}' rules at a time")
        found = [require(store, arn)[1] for arn in dict.fromkeys(arns)]
        listing = "rules"
    else:
        found = listeners.require(store, str(listener_arn)).all_rules()
        listing = f"rules {listener_arn}"
    return paged("Rules", [shown(rule) for rule in found], request, listing)


def delete_rule(store: Store, request: Json) -> Json:
    listener, rule = require(store, request["RuleArn"])
    if rule.priority is None:
        raise error("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be deleted")
    del listener.rules[rule.arn]
    store.relink()
    return {}


def shown(rule: Rule) -> Json:
    answer: Json = {
        "RuleArn": rule.arn, "Priority": "default" if rule.priority is None else str(rule.priority),
        "Conditions": rule.conditions, "Actions": auth_actions.visible(rule.actions),
        "IsDefault": rule.priority is None,
    }
    if rule.transforms:
        answer["Transforms"] = rule.transforms
    return answer
