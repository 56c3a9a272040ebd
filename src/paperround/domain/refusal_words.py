"""Phrases that mail servers and providers use in refusals, grouped by meaning. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class RefusalWords:
    """Phrases with the same meaning, as case-insensitive regular expressions."""

    about: str
    phrases: tuple[str, ...]

    def are_in(self, text: str) -> bool:
        """Return whether the text contains one of the phrases."""
        return self._pattern.search(text) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(self.phrases), re.IGNORECASE)


WORDS: dict[str, RefusalWords] = {
    "too fast for one": RefusalWords(
        "too much mail for this one subscriber just now",
        (
            "receiving mail (at a rate|too (quickly|fast|often))",
            "rate that (we|prevents)",
        ),
    ),
    "their mailbox is full": RefusalWords(
        "the mailbox itself, its storage or its quota",
        (
            r"\b(mail ?box|in-?box|postfach|bo[iî]te|buz[oó]n|casella|caixa)\b.{0,60}"
            r"\b(full|quota|exceed\w*|out of|storage|voll|plein\w*|llen\w*|pien\w*|chei\w*)\b",
            r"\b(full|over ?quota|quota|storage|size) (of |for |limit of |in )?(the |his |her |their |this )?"
            r"(\w+'s )?(mail ?box|in-?box)\b",
            r"\b(account|user) (that )?you('re| are| were)? (tried|trying) to (reach|contact)\b.{0,30}\b(quota|full)",
        ),
    ),
    "too fast": RefusalWords(
        "the rate at which letters are handed over",
        (
            r"rate.?limit",
            "unusual rate",
            "too many (messages|e?mails)",
            "(sending|message|mail) rate",
            "throttl",
        ),
    ),
    "daily limit": RefusalWords(
        "the account has sent what it may in a day",
        (
            r"\bdaily\b.{0,60}\b(limit|quota|maximum|allowance|cap)\b",
            r"\b(limit|quota|maximum|allowance|cap|exceeded)\b.{0,60}\b(daily|per day|for today|of the day)\b",
            (
                r"\b(e?mails|messages|recipients)\b.{0,30}\b(per|in|within|every|each|a) (the last |one )?"
                r"(24.?hours?|day)\b.{0,60}\b(limit|quota|maximum|exceed\w*|reach\w*|allowed)\b"
            ),
            (
                r"\b(limit|quota|maximum|exceed\w*|reach\w*)\b.{0,40}\b(e?mails|messages|recipients)\b.{0,30}"
                r"\b(per|in|within|every|each|a) (the last |one )?(24.?hours?|day)\b"
            ),
        ),
    ),
    "your account": RefusalWords(
        "the sender's account: a limit, a lock, missing credits, an address that is not verified or not its own",
        (
            (
                r"\b(e?mails?|messages?|recipients?|sending|submissions?|outgoing)\b.{0,30}"
                r"\bper (hour|minute|month|week)\b"
            ),
            (
                r"\b(max\w*|limit\w*|exceed\w*|too many|allowed|\d+)\b.{0,40}\b(e?mails|messages|recipients)\b.{0,40}"
                r"\b(an|each|every|this|in the last|in one) (hour|minute|month|week)\b"
            ),
            r"\b(hourly|monthly|weekly|per hour|per month)\b.{0,60}\b(limit|quota|maximum|allowance|cap)\b",
            (
                r"\b(you|your|sender|account|domain|customer|plan)\b.{0,40}\b(reached|exceeded|exceeds|hit|"
                r"used up|over)\b.{0,40}\b(sending|messages?|recipients?|e?mails?|outgoing|outbound|relay|"
                r"credits?)\b.{0,20}\b(limits?|quotas?|allowance)\b"
            ),
            r"\b(sending|outgoing|outbound|relay|submission|smtp)\b.{0,20}\b(limit|quota|allowance)s?\b",
            "unusual (sending|outbound|outgoing|account) activity",
            "(outbound|outgoing) spam",
            (
                r"\b(sender|from|e?mail address|domain|identity|identities)\b.{0,40}\bnot (yet )?(been )"
                "?(verified|confirmed|validated|activated)"
            ),
            r"\bunverified (sender|domain|e?mail|address|from|identity)",
            r"\bverify your\b.{0,30}\b(address|domain|sender|account)",
            r"\b(out of|insufficient|no|no more|not enough|exceeded|maximum) credits?\b",
            r"\bcredits? (are |is |have been )?(exhausted|used up|exceeded)",
            (
                r"\byour (\w+ ){0,3}account\b.{0,40}\b(suspended|blocked|disabled|locked|deactivated|restricted|"
                "limited|under review|not (active|enabled|allowed))"
            ),
            (
                r"\baccount (is |has been )?(suspended|blocked|restricted|locked) (from|for) (sending|outbound|"
                "spam|abuse)"
            ),
            r"\bsending\b.{0,40}\b(paused|suspended|disabled|blocked|not enabled)",
            "authori[sz]ed recipients",
            r"free accounts? (are|is)\b",
            r"\b(unpaid|billing)\b",
            r"\bnot (authori[sz]ed|allowed|permitted) to send (as|from|e?mail|on behalf)",
            "permissions? to send as",
            "send mail as",
            "sendasdenied",
            "not owned by user",
            (
                r"\bsender (address|domain)\b.{0,40}\b(rejected|refused|denied|invalid|not found|not allowed|"
                "not exist)"
            ),
            r"\bsender domain must\b",
            r"\bdomain of sender\b",
            r"\bsender\b.{0,30}\bnot (authori[sz]ed|allowed|permitted)",
            r"\bsender (verify|verification) failed",
            r"(invalid|bad|unknown) sender\b",
        ),
    ),
    "your reputation": RefusalWords(
        "the sender's IP address or domain: blocklists, complaints, SPF, DKIM, DMARC, reverse DNS, a missing login",
        (
            r"\b(block|black|deny|drop|reject) ?list",
            r"\b(dnsbl|rbls?|surbl|uribl|xbl|sbl|pbl)\b",
            r"/r?bl\b",
            r"(?<!not )\blisted (at|in|by|on)\b",
            r"\b(spamhaus|spamcop|barracuda|sorbs|uceprotect|abuseat|cloudmark|senderscore|senderbase|invaluement)",
            r"\breputation\b",
            "unexpected volume",
            "complaint rate",
            "(user|many|of) complaints",
            r"\btss\d\d\b",
            r"\b(spf|dkim|dmarc|sender ?id|purported responsible)\b",
            "does not designate",
            "(open|public|your) (dns )?resolver",
            r"\baup ?#|acceptable use",
            r"\bcx(bl|sndr|dns|thrt|mj)\b",
            r"\((con|dyn|hvu|rly|rtr|dns):[bt]\d\)",
            r"\b(sc|dy|ou)-00\d\b",
            r"\b(cannot|not|no) (\w+ )?relay(ing)?\b",
            r"\brelay(ing)?\b.{0,30}\b(denied|prohibited|not|rejected|refused)\b",
            r"\b(tls|starttls|encryption) (is )?(required|needed)\b",
            r"\b(ptr|rdns|fcrdns)\b",
            "reverse.?(dns|lookup|hostname|host|name|ip|resolution|map)",
            r"\b(ip|client|sender) (host ?)?name (lookup|resolution)",
            r"mismatch\w* client",
            r"unverif\w+ sending",
            r"\bmy name was\b",
            r"\b[eh][eh]lo\b.{0,40}\b(reject\w*|invalid|not|must|bad|denied)\b",
            r"\b(bad|invalid|need|forged) [eh][eh]lo\b",
            "from:? domain",
            "unwanted messages",
            (
                r"\b(can.?not|can't|could not|couldn't|unable to|failed to) (find|resolve|look ?up) (your|"
                "the sending|the client)"
            ),
            r"\bclient host\b.{0,80}\b(rejected|blocked|denied)",
            "no access from (this |your )?(mail )?server",
            "open relay",
            (
                r"\b(your|sending|source|client|sender'?s?) (\w+ ){0,2}(ip|server|network|host|mta|isp|"
                r"mailserver)\b.{0,60}\b(block|bann|denied|refused|reject|not (allowed|accepted|permitted|"
                "authori[sz]ed)|throttl|listed|limited)"
            ),
            r"\bip\b( address| adress[e]?)?.{0,60}\b(block|bann|bloqu|denied|listed|rejected|limited)",
            r"\b(blocked|banned|denied|throttled) (ip|host|network|sender)\b",
            r"\b(spam|abuse) (source|incident|complaint)",
            r"for spam\b",
            "spamming",
            "spammer",
            "(sending|source of|origin of) spam",
            "detected as spam source",
            r"\bunauthenticated\b",
            "smtp auth",
            r"authenticat\w+ (is )?(required|needed)",
            "not authenticated",
            "(requires?|must use|must issue a) (tls|starttls|encryption)",
            "(use|through) the (smtp|mail) server of your",
            "(host|network|server) (network )?(is )?not allowed",
            "connections? not accepted from",
            r"(not|n't) accept\w* (any )?(mail|connections?|messages?) from",
        ),
    ),
    "mailbox full": RefusalWords(
        "the subscriber's mailbox has no room",
        (
            r"\bquota\b",
            "over ?quota",
            r"\b(mail)?box\b.{0,30}\b(full|exceed\w*|too large|out of)",
            r"\bfull (mail)?box",
            r"\b(insufficient|not enough|no more|out of|lack of|exceed\w*|no)\b.{0,30}\b(storage|space|disk)\b",
            "(storage|disk) (is )?(full|exceeded)",
            "postfach.{0,20}voll",
            "bo[iî]te.{0,30}pleine",
            "buz[oó]n.{0,20}lleno",
            "casella.{0,20}piena",
            "caixa.{0,30}cheia",
            "переполнен",
            "一杯",
            "已满",
            "已滿",
            "容量.{0,10}超",
        ),
    ),
    "recipient's filter": RefusalWords(
        "the subscriber's own filter",
        (
            "recipient'?s? (preference|choice|settings)",
            "message filtered",
            "challenge",
            "hold this mail",
        ),
    ),
    "no such domain": RefusalWords(
        "the domain of the address accepts no mail",
        (
            "null.?mx",
            "no (smtp|mail) service",
            r"does ?n[o']t (receive|accept) (any )?e?mail\b",
            r"\bno mx\b",
            "mail exchanger",
            r"\bmx records?\b",
            "(unknown|no such) (host|domain)",
            "(host|domain)( name)?( or domain name)? (unknown|not found(?!,? try))",
            "domain is not reachable",
            r"non-?existent ?domain|nonexistentdomain",
            r"\bdomain\b.{0,40}\b(does not|doesn't|not) exist",
            r"unrout(e)?able mail domain|no such domain|non-existent hosts",
        ),
    ),
    "no such user": RefusalWords(
        "there is no such mailbox, or it is closed",
        (
            r"\bno such\b.{0,20}\b(user|mailbox|recipient|person|address|account|alias|customer|subscriber)",
            (
                r"\b(user|recipient|mailbox|account|address|addressee|alias|customer|local.?part|login)(s|\(s\))"
                r"?\b( that| you|\W|\w+ (to )?(reach|contact)){0,6}\W{0,3}\b(is |was |are |has |been |"
                r"does |do |can |could )*(unknown|not? (be )?(found|known|exist\w*|valid|recogni[sz]ed|"
                "registered|listed|a valid|a known|our)|does ?n[o']t exist|invalid|no longer|disabled|inactive|"
                "suspended|closed|deactivated|discontinued|deleted|frozen|terminated|expired|dead|invalide|"
                "unbekannt|inconnue?|desconocid[oa]|sconosciut[oa]|desconhecid[oa])"
            ),
            (
                r"\b(unknown|invalid|non.?existent|bad|illegal|inactive|disabled|incorrect|unrecogni[sz]ed|"
                r"obsolete|dead|deleted|unroutable|undeliverable|inexistant) (?!sender|from|client|helo)(or \w+ )"
                r"?(\w+ )?(user|recipient|mailbox|account|address|addressee|alias|destination|local.?part|name)"
            ),
            r"does ?n[o']t have an? .{0,60}\baccount",
            (
                r"\bno (mailbox|user|account|recipient|one|body|person|valid recipients?)\b.{0,20}\b(here|"
                "by that|named|with|found|were|called)"
            ),
            "not (our|a) (customer|subscriber|valid recipient|known (user|recipient))",
            "no longer (on (this )?server|with|at|works|employed|valid|available|accept|in use)",
            r"(user|recipient|mailbox|account)\b.{0,20}\bhas (moved|left)",
            r"(resolver\.adr\.\w*not ?found|nosuchuser|recipnotfound|userunknown)",
            r"\bnot (listed|found) in\b.{0,30}\b(director|table|list)",
            "(recipient|user) name is not",
            (
                r"(account|mailbox|address|recipient)\b.{0,60}\b(does not exist|doesn't exist|is disabled|"
                "is inactive|has been (disabled|closed|deactivated|suspended))"
            ),
            (
                r"(destinataire|empf[äa]nger|destinatario|utilisateur|benutzer|usuario|utente|adresse?)\b.{0,40}"
                r"\b(invalide|inconnue?|inexistante?|unbekannt|existiert nicht|nicht (gefunden|bekannt)|"
                "desconocid[oa]|no existe|sconosciut[oa]|inesistente|invalid[oa])"
            ),
            "не существует",
            "не найден",
            "несуществ",
            r"неизвестн\w+ (пользоват|получат)",
            "見つかりません",
            "存在しません",
            "ありません.{0,4}$",
            "不存在",
            "找不到",
            "not our (user|customer)|user not local|unrout(e)?able address",
            "check if address is correct",
            r"unrout(e)?able address|user not local|not unique",
        ),
    ),
    "refused address": RefusalWords(
        "the recipient is refused, and no reason given",
        (
            "mailbox (is )?(unavailable|not available)",
            "(recipient|address) (rejected|refused)(?!.*(spam|polic|block|abuse|content|list))",
            "(invalid|rejected|refused) recipient",
            "recipient.{0,20}not accepted",
        ),
    ),
    "their server": RefusalWords(
        "the subscriber's server or the way there: time-outs, loops, too busy",
        (
            "communications failure|for a long time|long failure period",
            "tim(ed|e) ?out",
            "expired",
            "retries",
            "retry (time|limit)",
            r"for the last \d+",
            r"failed \d+ attempts",
            "too many attempts",
            "not responding",
            "no (answer|response) from",
            "connection (refused|reset|lost|dropped|closed)",
            "lost connection",
            "network (is )?(unreachable|error)",
            "(unable|not able|failed) to connect",
            "couldn't connect",
            "not accept our requests",
            "(hop count|too many hops|mail loop|routing loop|loops back)",
            "(host|server) (is )?(down|unreachable)",
            "name service error",
            "no route to host",
            "internal (system |server )?error",
            "service (is )?(currently |temporarily )?(unavailable|not available)",
            "temporar",
            "try (again )?later",
            "too busy",
            "system load",
            "too many (connections|concurrent)",
            "smtputf8",
        ),
    ),
    "this message": RefusalWords(
        "the size or content of the letter, or a rule against it",
        (
            r"infected|malformed|not compliant|do not have permission|:blocked\)|anti-?spoofing|forgery|banned",
            r"\b(message|mail|header)s? (size|length|too (big|large|long))",
            "too (big|large)",
            "size (limit|exceeds)",
            "maximum (message|mail) size",
            r"\bspam\b",
            "unsolicited",
            r"\bjunk\b",
            r"\bvirus\b",
            "malware",
            "phish",
            "suspicious",
            r"\bube\b",
            r"\bbulk\b",
            "attachment",
            "content",
            r"\brfc ?\d{3,4}\b",
            "header",
            "bare (lf|cr)",
            "line (is )?too long",
            "violation",
            r"\bpolic(y|ies)\b",
            "security reasons",
            "inappropriate",
            "not (been )?(permitted|allowed|accepted)",
            r"\bdenied\b",
            "prohibit",
            "redundant",
            "(message|mail) (was |has been )?(rejected|refused|blocked)",
            "members? (only|of this)",
            "permission to post",
            r"groups\.google\.com",
            r"topic\.py\?topic=",
        ),
    ),
}
