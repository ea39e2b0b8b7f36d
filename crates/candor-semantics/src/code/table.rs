//! The rows. A change here changes what is rendered, explained, documented and checked, all at once.
//!
//! House style of the texts: plain sentences, no markup, nothing that would need escaping to be read.

use super::{Code, Content, Row, Sent, always, when};

codes! {
    CONTINUE = 100 "Continue" ("RFC 9110 section 15.2.1") {
        brief: "Go on: the content is wanted.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[],
        without: &["Content-Length", "Transfer-Encoding"],
        content: Content::Never,
        says: "",
        cacheable: false,
        reaction: "send the content",
        promise: "Everything that the head of the request can decide has been decided, and nothing speaks \
            against it: the content is wanted now. A final answer follows once the content has arrived.",
        visitor: "Nothing; programs settle this among themselves.",
        owner: "Nothing to set. Refusals such as 401, 405, 412 or 413 come before this answer, so that \
            nobody uploads a large file only to be refused.",
        agent: "Sends the content it held back. If no 100 comes within a second it sends the content all \
            the same, since some servers never say it.",
    }
    SWITCHING_PROTOCOLS = 101 "Switching Protocols" ("RFC 9110 section 15.2.2") {
        brief: "The connection changes to another protocol.",
        older_name: None,
        sent: Sent::Never,
        fields: &[always("Upgrade"), always("Connection")],
        without: &["Content-Length", "Transfer-Encoding"],
        content: Content::Never,
        says: "",
        cacheable: false,
        reaction: "report",
        promise: "From here on the connection speaks the protocol named in Upgrade. candor passes it on \
            from an upstream that agreed to a client's Upgrade, such as a WebSocket server, and never says \
            it of itself.",
        visitor: "Nothing; programs settle this among themselves.",
        owner: "Route the address to an upstream that speaks the protocol.",
        agent: "Never asks for another protocol, so a 101 is a fault of the other side and is reported as \
            one.",
    }
    EARLY_HINTS = 103 "Early Hints" ("RFC 8297 section 2") {
        brief: "Hints on what the answer will need; the answer itself follows.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &["Content-Length", "Transfer-Encoding"],
        content: Content::Never,
        says: "",
        cacheable: false,
        reaction: "note the hints, wait on",
        promise: "The final answer will probably have these fields; a browser may start to load what they \
            name. candor passes them on from an upstream and makes none of its own.",
        visitor: "Nothing; the page may appear a little sooner.",
        owner: "Let the application behind the gateway send them, if it can.",
        agent: "Takes note and waits for the final answer, which alone counts.",
    }
    OK = 200 "OK" ("RFC 9110 section 15.3.1") {
        brief: "Here it is.",
        older_name: Some("OK"),
        sent: Sent::OriginAndGateway,
        fields: &[
            when("ETag", "a document is read"),
            when("Last-Modified", "a document is read"),
            when("Vary", "the document is negotiated"),
            when("Content-Location", "the document is negotiated"),
        ],
        without: &[],
        content: Content::Representation,
        says: "the selected representation, or the result of what was asked for",
        cacheable: true,
        reaction: "show",
        promise: "Here it is. What follows is the document at this address as it is now, or the result of \
            the act that was asked for. The entity tag stands for exactly these bytes: the same tag means \
            the same content, and other content always has another tag.",
        visitor: "Nothing; this is what you asked for.",
        owner: "Nothing to do. How long others may keep a copy is set by the cache lifetime of the route; \
            which language or format is served can be steered with languages and default_variant.",
        agent: "Shows or saves the content and keeps the entity tag, so that the next question can be \
            answered with a short 304.",
    }
    CREATED = 201 "Created" ("RFC 9110 section 15.3.2") {
        brief: "It has been made.",
        older_name: Some("Created"),
        sent: Sent::Origin,
        fields: &[when("Location", "answering POST")],
        without: &[],
        content: Content::Report,
        says: "what was created, with a link to each new address",
        cacheable: false,
        reaction: "record the address",
        promise: "It has been made, and it is safely stored: content and ledger were written to disk before \
            this answer was sent. Location names the new address; where there is none, the new document is \
            at the address that was asked for.",
        visitor: "Open the new address, and keep it if you want to find this again.",
        owner: "Say where writing is allowed with write, and where POST makes members with post = \
            \"create\". To undo, delete the new address or restore the version before.",
        agent: "Writes down the new address and prints it; from now on it uses that address for what was \
            made.",
    }
    ACCEPTED = 202 "Accepted" ("RFC 9110 section 15.3.3") {
        brief: "The request was taken, and is not done yet.",
        older_name: Some("Accepted"),
        sent: Sent::OriginAndGateway,
        fields: &[always("Location"), always("Link"), always("Retry-After")],
        without: &["ETag", "Last-Modified"],
        content: Content::Report,
        says: "the state of the work, when it is expected to end, and the address of the monitor",
        cacheable: false,
        reaction: "poll the monitor; the outcome is not known yet",
        promise: "The request was taken and durably queued; it survives a restart. It is not done, and it \
            can still be refused when its turn comes. The monitor named in Location tells how it went, for \
            as long as the route keeps results.",
        visitor: "Keep the address of the monitor and look there again; do not send the request a second \
            time.",
        owner: "Look at the queue with candor jobs. The deadline after which work is deferred, the hours in \
            which it may run and how long results are kept are settings of the route.",
        agent: "Reports accepted, not done, and ends with a status of its own. With --wait it asks the \
            monitor as often as Retry-After advises, until the work is done, refused or failed.",
    }
    NON_AUTHORITATIVE_INFORMATION = 203 "Non-Authoritative Information" ("RFC 9110 section 15.3.4") {
        brief: "This is a second-hand copy.",
        older_name: Some("Provisional information"),
        sent: Sent::Gateway,
        fields: &[
            when("Age", "taken from the store"),
            always("Cache-Status"),
            when("ETag", "the copy has one"),
            when("Last-Modified", "the copy has one"),
        ],
        without: &[],
        content: Content::Representation,
        says: "a second-hand copy of the representation",
        cacheable: true,
        reaction: "show as second-hand",
        promise: "This is second-hand: a copy past its lifetime, a mirror's copy, or the upstream's answer \
            with something added on the way. Age tells how old a copy is and Cache-Status why it was used. \
            A copy that is fresh, or that the upstream has just confirmed, is never called so.",
        visitor: "Mind its age. If you need the latest state, come back when the server it comes from can \
            be reached.",
        owner: "See why the upstream did not answer; candor why shows each attempt. Whether stale copies \
            may be used is the route's stale setting, and an upstream forbids it with must-revalidate.",
        agent: "Shows the copy with its age, and neither edits links nor bases a change on it without \
            asking first.",
    }
    NO_CONTENT = 204 "No Content" ("RFC 9110 section 15.3.5") {
        brief: "Done; there is nothing new to show.",
        older_name: Some("No content"),
        sent: Sent::Origin,
        fields: &[],
        without: &["Content-Length", "Content-Type", "Transfer-Encoding"],
        content: Content::Never,
        says: "",
        cacheable: true,
        reaction: "keep the view",
        promise: "Done, and there is nothing new to show. After a PUT the content is stored as sent, and \
            the entity tag in the answer is the new one.",
        visitor: "Nothing; what you see is still right.",
        owner: "Nothing to do. A form route answers so with after = \"keep\"; a client that wants to see \
            the result sends Prefer: return=representation.",
        agent: "Leaves what is shown as it is and takes over the new entity tag.",
    }
    RESET_CONTENT = 205 "Reset Content" ("RFC 9110 section 15.3.6") {
        brief: "Done; the form can be filled in anew.",
        older_name: Some("Reset content"),
        sent: Sent::Origin,
        fields: &[always("Content-Length")],
        without: &["Content-Type", "Transfer-Encoding"],
        content: Content::Never,
        says: "",
        cacheable: false,
        reaction: "restore the initial values of the form",
        promise: "Done; the form may go back to how it was on arrival, and the next entry is welcome at \
            once.",
        visitor: "Enter the next one, if there is one.",
        owner: "A form route answers so with after = \"reset\". Choose \"keep\" where people correct and \
            send again.",
        agent: "Puts back the values the form had when it came, which need not be empty ones, and stays on \
            the page.",
    }
    PARTIAL_CONTENT = 206 "Partial Content" ("RFC 9110 section 15.3.7") {
        brief: "Here are the parts that were asked for.",
        older_name: Some("Partial content"),
        sent: Sent::OriginAndGateway,
        fields: &[
            always("Date"),
            always("ETag"),
            when("Content-Range", "one part"),
            when("Content-Type", "several parts: multipart/byteranges"),
            when("Vary", "the 200 has it"),
            when("Cache-Control", "the 200 has it"),
            when("Expires", "the 200 has it"),
            when("Content-Location", "the 200 has it"),
        ],
        without: &[],
        content: Content::Representation,
        says: "the parts of the representation that were asked for",
        cacheable: true,
        reaction: "check Content-Range",
        promise: "Here are the parts that were asked for, and only those. They belong to the version the \
            entity tag names, so parts with the same tag fit together.",
        visitor: "Nothing; programs put the parts together.",
        owner: "Nothing to do; ranges are served for every file.",
        agent: "Looks at Content-Range before it uses a byte, and joins parts only under the same strong \
            entity tag. If the file changed meanwhile it starts over.",
    }
    MULTI_STATUS = 207 "Multi-Status" ("RFC 4918 section 11.1") {
        brief: "Each of several addresses has a result of its own.",
        older_name: None,
        sent: Sent::ForWebdav,
        fields: &[always("Content-Type")],
        without: &[],
        content: Content::Report,
        says: "one status for each address, as XML",
        cacheable: false,
        reaction: "handle as 200; show the report",
        promise: "The request concerned several addresses, and each has a status of its own in the content. \
            It says nothing by itself of success or failure.",
        visitor: "Nothing; the WebDAV program shows what it means.",
        owner: "Nothing to do; it answers PROPFIND, PROPPATCH and the like from WebDAV clients.",
        agent: "Takes it as a 200 and shows the report as it came.",
    }
    MULTIPLE_CHOICES = 300 "Multiple Choices" ("RFC 9110 section 15.4.1") {
        brief: "This document is here in several forms.",
        older_name: Some("Multiple choices"),
        sent: Sent::Origin,
        fields: &[always("Link"), always("Vary")],
        without: &["Location"],
        content: Content::List,
        says: "each variant with its address, type, language, size and quality",
        cacheable: true,
        reaction: "choose; keep the reference",
        promise: "The document is here in several forms, and neither what was asked for nor the server's \
            own order prefers one of them. Each form in the list has an address of its own that answers \
            200. There is no Location, because a preference would simply have been served.",
        visitor: "Choose one from the list; each has an address of its own.",
        owner: "Set default_variant for the address to end the tie, or order the site's languages. To offer \
            a choice on purpose, declare choices, or give candor move more than one target.",
        agent: "Picks by itself only when exactly one entry fits the user's settings best, and asks \
            otherwise. The reference to the document stays as it is.",
    }
    MOVED_PERMANENTLY = 301 "Moved Permanently" ("RFC 9110 section 15.4.2") {
        brief: "This has moved for good.",
        older_name: Some("Moved permanently"),
        sent: Sent::Origin,
        fields: &[always("Location")],
        without: &[],
        content: Content::Note,
        says: "a link to the new address",
        cacheable: true,
        reaction: "follow if safe; relink",
        promise: "It has moved for good. Location is the last address in one hop, however often it moved, \
            and the old address keeps leading there. If what was here is gone altogether the answer would \
            be 410 instead.",
        visitor: "Use the new address, and change your bookmark.",
        owner: "Set with candor move, by a MOVE over HTTP, or found by the scan of the folder; lifted with \
            candor restore. A move that was only inferred has a short lifetime until it is accepted, \
            because browsers keep this answer for ever.",
        agent: "Follows for reading, asks before it repeats anything else, and keeps method and content. \
            Where it owns the document that has the link, it changes the link to the new address, with a \
            journal and an undo.",
    }
    FOUND = 302 "Found" ("RFC 9110 section 15.4.3") {
        brief: "For now this is at another address.",
        older_name: Some("Moved temporarily"),
        sent: Sent::Origin,
        fields: &[always("Location")],
        without: &[],
        content: Content::Note,
        says: "a link to where it is for now",
        cacheable: false,
        reaction: "follow if safe; keep the reference",
        promise: "For now it is over there. This address stays the right one to remember, and to ask again \
            next time.",
        visitor: "Follow the link, and keep the bookmark you have.",
        owner: "Set with moved_for_now or candor move --for-now, with an end if it is known; a change \
            counts from the next request on.",
        agent: "Follows for reading, asks before it repeats anything else, and never touches the link.",
    }
    SEE_OTHER = 303 "See Other" ("RFC 9110 section 15.4.4") {
        brief: "The answer is at another address.",
        older_name: Some("Method"),
        sent: Sent::Never,
        fields: &[always("Location")],
        without: &[],
        content: Content::Note,
        says: "a link to the other resource",
        cacheable: false,
        reaction: "GET Location; keep the reference",
        promise: "The answer to this request can be read at another address. candor never says it of \
            itself: it names what was made with 201, what is pending with 202, and gives results directly. \
            A gateway passes it on.",
        visitor: "Follow the link.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Reads the other address with GET, without asking and without the content that was sent, and \
            keeps its reference to the first one.",
    }
    NOT_MODIFIED = 304 "Not Modified" ("RFC 9110 section 15.4.5") {
        brief: "The copy you have is still right.",
        older_name: Some("Not modified"),
        sent: Sent::OriginAndGateway,
        fields: &[
            always("Date"),
            when("ETag", "the 200 has it"),
            when("Vary", "the 200 has it"),
            when("Content-Location", "the 200 has it"),
            when("Cache-Control", "the 200 has it"),
            when("Expires", "the 200 has it"),
        ],
        without: &[
            "Content-Length",
            "Content-Type",
            "Content-Language",
            "Content-Encoding",
            "Accept-Ranges",
            "Transfer-Encoding",
        ],
        content: Content::Never,
        says: "",
        cacheable: false,
        reaction: "use the own copy",
        promise: "The copy you have is still right. It is only said after everything else was checked: \
            whoever may not read the document, or asks for one that moved or is gone, is told that instead.",
        visitor: "Nothing; you see your own copy.",
        owner: "Nothing to do. Entity tags come from the content, so a new file time alone does not send \
            everybody the same bytes again.",
        agent: "Uses its own copy and takes over the new fields. Without a copy it asks once more, \
            unconditionally.",
    }
    USE_PROXY = 305 "Use Proxy" ("RFC 9110 section 15.4.6") {
        brief: "The other server wants a proxy to be used.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Note,
        says: "whatever the other server has to say",
        cacheable: false,
        reaction: "show; do not follow",
        promise: "Withdrawn: it once told a client to come through a proxy, which anybody on the way could \
            abuse.",
        visitor: "Do not follow it. Tell whoever runs that site.",
        owner: "Nothing to do; candor never says it. If an upstream does, that software wants an update.",
        agent: "Shows the answer and does not follow it.",
    }
    UNUSED_306 = 306 "(Unused)" ("RFC 9110 section 15.4.7") {
        brief: "This code has no meaning.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Note,
        says: "whatever the other server has to say",
        cacheable: false,
        reaction: "show; do not follow",
        promise: "Reserved: a meaning was once planned for this number and dropped again.",
        visitor: "Tell whoever runs that site.",
        owner: "Nothing to do; candor never says it, and no other server should.",
        agent: "Shows the answer and does not follow it.",
    }
    TEMPORARY_REDIRECT = 307 "Temporary Redirect" ("RFC 9110 section 15.4.8") {
        brief: "For now this is at another address.",
        older_name: None,
        sent: Sent::StrictRedirects,
        fields: &[always("Location")],
        without: &[],
        content: Content::Note,
        says: "a link to where it is for now",
        cacheable: false,
        reaction: "as 302, same method",
        promise: "For now it is over there, and the request is to be repeated there exactly as it was: same \
            method, same content. Other than that it is a 302.",
        visitor: "Repeat the request there as it was, if you trust that address.",
        owner: "Said instead of 302 only with strict_redirects, and only for methods other than GET and \
            HEAD.",
        agent: "Treats it as a 302: follows for reading, asks before anything else, keeps the reference.",
    }
    PERMANENT_REDIRECT = 308 "Permanent Redirect" ("RFC 9110 section 15.4.9") {
        brief: "This has moved for good.",
        older_name: None,
        sent: Sent::StrictRedirects,
        fields: &[always("Location")],
        without: &[],
        content: Content::Note,
        says: "a link to the new address",
        cacheable: true,
        reaction: "as 301, same method; relink",
        promise: "It has moved for good, and the request is to be repeated there exactly as it was: same \
            method, same content. Other than that it is a 301.",
        visitor: "Repeat the request there as it was, if you trust that address, and use it from now on.",
        owner: "Said instead of 301 only with strict_redirects, and only for methods other than GET and \
            HEAD.",
        agent: "Treats it as a 301, link editing included.",
    }
    BAD_REQUEST = 400 "Bad Request" ("RFC 9110 section 15.5.1") {
        brief: "The request could not be understood.",
        older_name: Some("Bad request"),
        sent: Sent::OriginAndGateway,
        fields: &[when("Connection", "close, when the framing is at fault on HTTP/1")],
        without: &[],
        content: Content::Explanation,
        says: "what in the request could not be understood",
        cacheable: false,
        reaction: "never repeat unmodified",
        promise: "The request could not be understood, or could never be fulfilled, and nothing was done. \
            Where a more exact code exists it is used instead.",
        visitor: "Check the address for stray characters. If you followed a link, tell the people who made \
            it.",
        owner: "Look in the access log for the reason; it names the line that was wrong. Many of them from \
            one address are usually somebody trying doors.",
        agent: "Shows the explanation and never sends the same request again.",
    }
    UNAUTHORIZED = 401 "Unauthorized" ("RFC 9110 section 15.5.2") {
        brief: "This part of the site asks who you are.",
        older_name: Some("Unauthorized"),
        sent: Sent::OriginAndGateway,
        fields: &[always("WWW-Authenticate")],
        without: &[],
        content: Content::Explanation,
        says: "that this space asks who you are",
        cacheable: false,
        reaction: "once per set of credentials",
        promise: "Who are you? The credentials are missing or not valid. The answer is the same for every \
            address of the protected space, whether anything is there or not.",
        visitor: "Sign in with a name and password that are known here, or ask whoever runs the site for \
            them.",
        owner: "Add the person to a [[user]] table with candor user hash, or widen read and write of the \
            route.",
        agent: "Tries each set of credentials once, with the server that asked and nobody else. If the same \
            challenge comes back it shows the answer and stops.",
    }
    PAYMENT_REQUIRED = 402 "Payment Required" ("RFC 9110 section 15.5.3") {
        brief: "The other server asks for payment.",
        older_name: Some("Payment required"),
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "whatever the other server has to say",
        cacheable: false,
        reaction: "as 400",
        promise: "Reserved for later since the first days of the web. candor never says it; a gateway \
            passes it on.",
        visitor: "See what the answer says.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Shows the answer, pays nobody, and does not repeat the request.",
    }
    FORBIDDEN = 403 "Forbidden" ("RFC 9110 section 15.5.4") {
        brief: "Access is refused.",
        older_name: Some("Forbidden"),
        sent: Sent::OriginAndGateway,
        fields: &[when("WWW-Authenticate", "other credentials may help")],
        without: &[],
        content: Content::Explanation,
        says: "that access is refused; a reason only where one is public",
        cacheable: false,
        reaction: "never repeat",
        promise: "No. The request was understood and is refused, and asking again will not change that. If \
            a challenge came with it, other credentials may help; if none did, nothing will.",
        visitor: "Asking again will not help. If you think you should have access, ask whoever runs the \
            site.",
        owner: "Change read or write of the route. With conceal the same answer hides whether anything is \
            there. The reason stays in the log unless you make it public.",
        agent: "Never tries again by itself. It offers other credentials only if a challenge came with the \
            answer.",
    }
    NOT_FOUND = 404 "Not Found" ("RFC 9110 section 15.5.5") {
        brief: "Nothing is known at this address.",
        older_name: Some("Not found"),
        sent: Sent::Origin,
        fields: &[always("Cache-Control")],
        without: &[],
        content: Content::Explanation,
        says: "that nothing is known at this address",
        cacheable: true,
        reaction: "report; keep the reference",
        promise: "Nothing is here, and nothing more can be said: not whether there ever was something, nor \
            whether there will be. To anyone who may know, a move is told with 301 and an intended removal \
            with 410.",
        visitor: "Check the spelling of the address, or look for the page from the front page of the site.",
        owner: "See candor log for what was known of the address. If it moved, say so with candor move; if \
            it was removed on purpose, with candor retire.",
        agent: "Reports the link as broken for now and leaves it alone: a 404 is no reason to edit or \
            remove a link.",
    }
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed" ("RFC 9110 section 15.5.6") {
        brief: "This address does not allow that method.",
        older_name: Some("Method not allowed"),
        sent: Sent::Origin,
        fields: &[always("Allow")],
        without: &[],
        content: Content::Explanation,
        says: "which methods this address allows",
        cacheable: true,
        reaction: "show Allow",
        promise: "Not like that: the method is known here, but not allowed for this address. Allow lists \
            every method that is, and each of them will not be refused in this way.",
        visitor: "Use one of the methods that are allowed here. If you followed a link or used a form, tell \
            whoever runs the site.",
        owner: "Writing is offered where a route says write, or with --author on the command line; POST \
            where a route says post, form or run.",
        agent: "Shows what is allowed, and never changes the method by itself.",
    }
    NOT_ACCEPTABLE = 406 "Not Acceptable" ("RFC 9110 section 15.5.7") {
        brief: "This document is not here in any form that was asked for.",
        older_name: Some("None acceptable"),
        sent: Sent::Origin,
        fields: &[
            always("Content-Length"),
            always("Link"),
            always("Content-Type"),
            when("Content-Language", "the default variant has one"),
            when("Vary", "the document is negotiated"),
        ],
        without: &["Transfer-Encoding"],
        content: Content::Never,
        says: "",
        cacheable: false,
        reaction: "choose from Link",
        promise: "The document exists, but in no form that the request says it can use. Each form there is \
            stands in a Link field with its type and language, and its own address answers.",
        visitor: "Ask for one of the forms that exist, by its own address.",
        owner: "Add a form that is missing, serve one all the same with lenient_accept, or list the forms \
            in the content too with variant_list = \"body\".",
        agent: "Reads the list in Link, offers it, and fetches the form chosen; the reference stays as it \
            is.",
    }
    PROXY_AUTHENTICATION_REQUIRED = 407 "Proxy Authentication Required" ("RFC 9110 section 15.5.8") {
        brief: "A proxy on the way asks who you are.",
        older_name: Some("Proxy authentication required"),
        sent: Sent::Never,
        fields: &[always("Proxy-Authenticate")],
        without: &[],
        content: Content::Explanation,
        says: "whatever the proxy has to say",
        cacheable: false,
        reaction: "once, to the configured proxy only",
        promise: "A proxy asks who you are. candor is not a forward proxy and never says it; when an \
            upstream says it, that concerns the gateway alone, and clients are told 502.",
        visitor: "Sign in to the proxy, if it is one that you chose to use.",
        owner: "Give the gateway credentials for the proxy between it and the upstream.",
        agent: "Answers once, and only to a proxy that the user configured. From anybody else it counts as \
            a 400.",
    }
    REQUEST_TIMEOUT = 408 "Request Timeout" ("RFC 9110 section 15.5.9") {
        brief: "The request did not arrive in time.",
        older_name: Some("Request timeout"),
        sent: Sent::OriginAndGateway,
        fields: &[when("Connection", "close, on HTTP/1")],
        without: &[],
        content: Content::Explanation,
        says: "that the request did not arrive in time",
        cacheable: false,
        reaction: "repeat unchanged on a new connection",
        promise: "You were too slow: the request began and did not arrive whole in the time the server \
            waits. Nothing of it was acted upon, so it may be sent again just as it was, whatever its \
            method.",
        visitor: "Send it again; nothing of it was acted upon.",
        owner: "Raise head_timeout or body_timeout if honest clients on slow lines meet this.",
        agent: "Sends the same request again on a new connection, once at once and then ever more slowly, \
            if it still has the content to send.",
    }
    CONFLICT = 409 "Conflict" ("RFC 9110 section 15.5.10") {
        brief: "Something has changed, or is in the way.",
        older_name: Some("Conflict"),
        sent: Sent::Origin,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "what is in the way, the current entity tag, the differences, and links to resolve it",
        cacheable: false,
        reaction: "resolve, resubmit with If-Match",
        promise: "Somebody was faster, or something is in the way; your change was not made and nothing was \
            lost. The content shows the differences, names the current entity tag, and links to at least \
            one way out.",
        visitor: "Look at the differences, settle them, and send your change again. What you wrote has \
            overwritten nothing.",
        owner: "Nothing is broken: this keeps people from overwriting each other. With require_base every \
            writer must say which version was edited.",
        agent: "Shows base, theirs and yours, offers a merge, and sends the result with the reported tag in \
            If-Match when the user agrees; never by itself.",
    }
    GONE = 410 "Gone" ("RFC 9110 section 15.5.11") {
        brief: "This was removed on purpose.",
        older_name: Some("Gone"),
        sent: Sent::Origin,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "that it was removed on purpose, when, and the owner's note",
        cacheable: true,
        reaction: "propose removal, ask",
        promise: "It was here, it was taken away on purpose, and no other address is known for it. Links to \
            it should go. This is only said when somebody said so, never because a file is missing.",
        visitor: "Remove your bookmark or link; no other address is known for it.",
        owner: "Set with candor retire (with a note and a date if you like) or by a DELETE; lifted with \
            candor restore. If it has a successor, use candor move instead.",
        agent: "Does not ask again in the same run, and proposes to remove the link; it removes one only \
            after approval, with a journal and an undo.",
    }
    LENGTH_REQUIRED = 411 "Length Required" ("RFC 9110 section 15.5.12") {
        brief: "The length of the content has to be declared.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "that the length must be declared",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "The server wants to know the length of the content first. candor reads content of \
            undeclared length, counts it, and has no need to say this; a gateway passes it on.",
        visitor: "Use another program to send it, or tell the people who made this one.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Shows the answer and does not repeat the request.",
    }
    PRECONDITION_FAILED = 412 "Precondition Failed" ("RFC 9110 section 15.5.13") {
        brief: "The condition in the request does not hold.",
        older_name: None,
        sent: Sent::Origin,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "which condition does not hold, the current entity tag, and for text the differences",
        cacheable: false,
        reaction: "show the differences, merge, resubmit with If-Match",
        promise: "The request said under which condition it may be done, and the condition does not hold. \
            Nothing was changed. Conditions are checked again at the moment of writing, so no change can \
            slip in between.",
        visitor: "Fetch the current version, put your change into it, and send it again.",
        owner: "Nothing is broken: the writer asked for this protection.",
        agent: "Shows what changed meanwhile, offers a merge, and sends the result with the current tag \
            when the user agrees.",
    }
    CONTENT_TOO_LARGE = 413 "Content Too Large" ("RFC 9110 section 15.5.14") {
        brief: "The content is too large.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[
            when("Connection", "close, on HTTP/1, unless the content was read to its end"),
            when("Retry-After", "the limit is known to be temporary"),
        ],
        without: &[],
        content: Content::Explanation,
        says: "how large content may be",
        cacheable: false,
        reaction: "show; with Retry-After wait",
        promise: "The content is larger than this address takes, and none of it was kept. Where the length \
            was declared, it is said before the content is sent.",
        visitor: "Send something smaller, or ask whoever runs the site for more room.",
        owner: "Raise body_size.",
        agent: "Shows the limit. Only if Retry-After says that it is temporary does it wait and try again.",
    }
    URI_TOO_LONG = 414 "URI Too Long" ("RFC 9110 section 15.5.15") {
        brief: "The address is too long.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "how long an address may be",
        cacheable: true,
        reaction: "show; do not repeat",
        promise: "The address is longer than the server reads. Nothing was done.",
        visitor: "Shorten the address. If a form made it, tell whoever runs the site.",
        owner: "Raise target_size, or have the form use POST instead of GET.",
        agent: "Shows the answer and does not repeat the request.",
    }
    UNSUPPORTED_MEDIA_TYPE = 415 "Unsupported Media Type" ("RFC 9110 section 15.5.16") {
        brief: "The content comes in a form that cannot be used here.",
        older_name: None,
        sent: Sent::Origin,
        fields: &[
            when("Accept-Encoding", "the content coding is the reason"),
            when("Accept", "the media type is the reason"),
        ],
        without: &[],
        content: Content::Explanation,
        says: "what the address takes instead",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "The content comes in a type or a coding that cannot be used here. The answer names what \
            can be: Accept for types, Accept-Encoding for codings, never both at once.",
        visitor: "Send it in one of the forms that are taken.",
        owner: "See what the form or program behind the address takes.",
        agent: "Shows what would be taken and does not convert or repeat by itself.",
    }
    RANGE_NOT_SATISFIABLE = 416 "Range Not Satisfiable" ("RFC 9110 section 15.5.17") {
        brief: "The part that was asked for lies beyond the end.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[always("Content-Range")],
        without: &[],
        content: Content::Explanation,
        says: "how long the representation is",
        cacheable: false,
        reaction: "drop the partial copy",
        promise: "The part that was asked for lies wholly beyond the end. Content-Range says how long the \
            document is.",
        visitor: "Start the download from the beginning.",
        owner: "Nothing to do. It is seen when a file became shorter while somebody had half of it.",
        agent: "Drops its partial copy, since it cannot belong to what is there now, and starts over when \
            asked to.",
    }
    EXPECTATION_FAILED = 417 "Expectation Failed" ("RFC 9110 section 15.5.18") {
        brief: "The request expects something that is not known here.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "which expectation is not known",
        cacheable: false,
        reaction: "repeat once without Expect",
        promise: "The request has an expectation in Expect that is not known here; the only one is \
            100-continue. Nothing was done.",
        visitor: "Use another program, or tell the people who made this one.",
        owner: "Nothing to do; the client should leave the field out.",
        agent: "Repeats the request once, without Expect.",
    }
    MISDIRECTED_REQUEST = 421 "Misdirected Request" ("RFC 9110 section 15.5.20") {
        brief: "This server does not answer for that host.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "that this host is not served here",
        cacheable: false,
        reaction: "repeat once on a fresh connection",
        promise: "This server does not answer for that host, or not over this connection. Nothing was done.",
        visitor: "Check the name in the address, and try again in a new window.",
        owner: "Add the name to the hosts of a site; check where the name points and what the proxy in \
            front sends as Host.",
        agent: "Tries once more on a fresh connection, whatever the method, because the request was not \
            acted upon.",
    }
    UNPROCESSABLE_CONTENT = 422 "Unprocessable Content" ("RFC 9110 section 15.5.21") {
        brief: "The content cannot be used.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "what in the content cannot be used",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "The content is well formed and still cannot be used. candor says 400 for that; a gateway \
            passes it on.",
        visitor: "See what the answer says about it.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Shows the explanation and does not repeat the request.",
    }
    LOCKED = 423 "Locked" ("RFC 4918 section 11.3") {
        brief: "Somebody holds a lock on this.",
        older_name: None,
        sent: Sent::ForWebdav,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "that somebody holds a lock",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "Somebody holds a lock on this address, and the request did not show the lock's token. \
            Nothing was done.",
        visitor: "Try again when they have finished.",
        owner: "Locks end by themselves; the holder can unlock earlier.",
        agent: "Shows the answer and does not repeat the request.",
    }
    FAILED_DEPENDENCY = 424 "Failed Dependency" ("RFC 4918 section 11.4") {
        brief: "Something else that this depends on failed.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "which other act failed",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "Another act that this one depends on failed. As the code of an answer candor never says \
            it; a gateway passes it on.",
        visitor: "Look for what failed first.",
        owner: "Look for the first failure in the same report; this one only follows from it.",
        agent: "Shows the answer and does not repeat the request.",
    }
    TOO_EARLY = 425 "Too Early" ("RFC 8470 section 5.2") {
        brief: "The request came too early to be safe.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "that the request came before the connection was safe",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "The request came in early data of TLS, which could be a replay. candor accepts no early \
            data and never has to say it; a gateway passes it on.",
        visitor: "Send it again.",
        owner: "Nothing to do, unless a proxy in front accepts early data: it then has to hold back unsafe \
            requests.",
        agent: "Sends no early data, so it shows the answer as a fault of the other side.",
    }
    UPGRADE_REQUIRED = 426 "Upgrade Required" ("RFC 9110 section 15.5.22") {
        brief: "The server asks for another protocol.",
        older_name: None,
        sent: Sent::Never,
        fields: &[always("Upgrade")],
        without: &[],
        content: Content::Explanation,
        says: "which protocol is asked for",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "The server answers only over another protocol, which Upgrade names. candor never says it; \
            a gateway passes it on.",
        visitor: "Use a program that speaks it.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Shows which protocol is wanted and stops.",
    }
    PRECONDITION_REQUIRED = 428 "Precondition Required" ("RFC 6585 section 3") {
        brief: "A change here must say which version it is based on.",
        older_name: None,
        sent: Sent::Origin,
        fields: &[always("Cache-Control")],
        without: &[],
        content: Content::Explanation,
        says: "how to say which version was edited",
        cacheable: false,
        reaction: "fetch the current version, then ask",
        promise: "Here a write must say what it is based on, so that nobody overwrites a change they have \
            not seen. If-Match with the tag of the version you edited is enough. Nothing was changed.",
        visitor: "Fetch the current version first, then send your change with its entity tag.",
        owner: "This is require_base at work; turn it off for the route if writers cannot do it.",
        agent: "Fetches the current version, shows how it differs, and asks before it sends the change with \
            its tag.",
    }
    TOO_MANY_REQUESTS = 429 "Too Many Requests" ("RFC 6585 section 4") {
        brief: "Too many requests from you in a short time.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[always("Cache-Control"), when("Retry-After", "the end of the wait is known")],
        without: &[],
        content: Content::Explanation,
        says: "how many requests are welcome, and from when on again",
        cacheable: false,
        reaction: "with Retry-After wait",
        promise: "You asked for more than your share. Nothing was done; the server itself is well, and \
            others are being served.",
        visitor: "Wait a little, then go on more slowly.",
        owner: "The share is set with rate, for the whole server or a route. Behind a proxy, name it in \
            trusted_proxies, so that its clients are told apart.",
        agent: "Waits as long as Retry-After says, plus a little chance, and repeats what is safe to \
            repeat.",
    }
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431 "Request Header Fields Too Large" ("RFC 6585 section 5") {
        brief: "The header fields of the request are too large.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[when("Connection", "close, on HTTP/1")],
        without: &[],
        content: Content::Explanation,
        says: "which field is too large, or that all of them together are",
        cacheable: false,
        reaction: "show; do not repeat",
        promise: "The header fields are larger than the server reads. Nothing was done.",
        visitor: "Delete the cookies of this site and try again.",
        owner: "Raise head_size; often a cookie has grown too far.",
        agent: "Shows which field it was and does not repeat the request.",
    }
    UNAVAILABLE_FOR_LEGAL_REASONS = 451 "Unavailable For Legal Reasons" ("RFC 7725 section 3") {
        brief: "A legal demand keeps the server from showing this.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[when("Link", "blocked-by, when it is public who demanded it")],
        without: &[],
        content: Content::Explanation,
        says: "the legal demand, as far as it may be told",
        cacheable: true,
        reaction: "show; keep the reference",
        promise: "A legal demand keeps the server from showing this, and the server says so openly rather \
            than pretend that nothing is here. It says nothing of whether the document exists.",
        visitor: "See what the server says about the demand; asking again will not help.",
        owner: "Said only where the configuration declares a public legal block; lift the block there.",
        agent: "Shows the explanation, does not repeat the request, and leaves the link alone.",
    }
    INTERNAL_SERVER_ERROR = 500 "Internal Server Error" ("RFC 9110 section 15.6.1") {
        brief: "Something went wrong here.",
        older_name: Some("Internal server error"),
        sent: Sent::OriginAndGateway,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "an incident id; and whether something may have been done, if that is not certain",
        cacheable: false,
        reaction: "report",
        promise: "My fault. Something unexpected went wrong here, not in the request. The incident id leads \
            to the full story in the server's log. Only this one request is affected.",
        visitor: "It is not your fault. Try again later; if it persists, tell whoever runs the site the \
            incident id.",
        owner: "Search the log for the incident id. Typical causes are a file that cannot be read and a \
            program of a route that failed.",
        agent: "Reports it with the incident id and does not repeat, since nobody knows what was done.",
    }
    NOT_IMPLEMENTED = 501 "Not Implemented" ("RFC 9110 section 15.6.2") {
        brief: "This server does not know how to do that.",
        older_name: Some("Not implemented"),
        sent: Sent::Origin,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "what is not implemented",
        cacheable: true,
        reaction: "do not use the method again",
        promise: "Not like that, nowhere on this server: the method or transfer coding is not known here at \
            all, whatever the address.",
        visitor: "Use another method; this one will not work anywhere on this server.",
        owner: "Nothing to set. A gateway route passes on methods that candor itself does not know.",
        agent: "Remembers for the run that the method is of no use on this server, and does not try it \
            again.",
    }
    BAD_GATEWAY = 502 "Bad Gateway" ("RFC 9110 section 15.6.3") {
        brief: "The server behind this one failed.",
        older_name: Some("Bad gateway"),
        sent: Sent::Gateway,
        fields: &[always("Proxy-Status")],
        without: &[],
        content: Content::Explanation,
        says: "that the server behind this one failed, and whether the request may have reached it",
        cacheable: false,
        reaction: "the outcome is unknown",
        promise: "Theirs. This server is well, but the exchange with the server behind it failed: no \
            connection, or an answer that makes no sense. Proxy-Status says how it failed.",
        visitor: "Reading can be tried again in a moment. If you sent something, look first whether it \
            arrived.",
        owner: "See whether the upstream runs and listens where the route says; candor why shows each \
            attempt.",
        agent: "Repeats once, if the user allows and repeating does no harm; otherwise it says that the \
            outcome is unknown.",
    }
    SERVICE_UNAVAILABLE = 503 "Service Unavailable" ("RFC 9110 section 15.6.4") {
        brief: "The server cannot answer just now.",
        older_name: Some("Service unavailable"),
        sent: Sent::OriginAndGateway,
        fields: &[always("Cache-Control"), when("Retry-After", "the end is known")],
        without: &[],
        content: Content::Explanation,
        says: "that this is temporary, and until when if that is known",
        cacheable: false,
        reaction: "with Retry-After wait; without as 500",
        promise: "Not now. The server is overloaded, under maintenance or knows that its upstream is down; \
            nothing was done, and it will pass. Retry-After is there when the end is known, and is never \
            made up.",
        visitor: "Come back later; nothing was done.",
        owner: "End the maintenance (unavailable), raise requests_in_flight if the machine has room, or see \
            to the upstream.",
        agent: "With Retry-After it waits, within a limit and plus a little chance, and repeats what is \
            safe to repeat. Without, it does what it does after a 500.",
    }
    GATEWAY_TIMEOUT = 504 "Gateway Timeout" ("RFC 9110 section 15.6.5") {
        brief: "The server behind this one did not answer in time.",
        older_name: Some("Gateway timeout"),
        sent: Sent::Gateway,
        fields: &[always("Proxy-Status")],
        without: &[],
        content: Content::Explanation,
        says: "that the server behind this one was too slow, and whether the request may have reached it",
        cacheable: false,
        reaction: "the outcome is unknown",
        promise: "Theirs, and too late: the server behind this one did not answer in time. It may still act \
            on the request. Proxy-Status says which limit it was.",
        visitor: "Reading can be tried again in a moment. If you sent something, look first whether it \
            arrived.",
        owner: "See why the upstream is slow, raise response_timeout, or let the work be deferred with 202.",
        agent: "Repeats once, if the user allows and repeating does no harm; otherwise it advises to look \
            first what was done.",
    }
    HTTP_VERSION_NOT_SUPPORTED = 505 "HTTP Version Not Supported" ("RFC 9110 section 15.6.6") {
        brief: "The request is in a version of HTTP that is not spoken here.",
        older_name: None,
        sent: Sent::OriginAndGateway,
        fields: &[when("Connection", "close, on HTTP/1")],
        without: &[],
        content: Content::Explanation,
        says: "which versions are spoken",
        cacheable: false,
        reaction: "report",
        promise: "The request names a major version of HTTP that is not spoken on this connection. Nothing \
            was done.",
        visitor: "Use another program, or tell the people who made this one.",
        owner: "Nothing to set; the client or a proxy before the server is at fault.",
        agent: "Reports it; another version is not tried by itself.",
    }
    VARIANT_ALSO_NEGOTIATES = 506 "Variant Also Negotiates" ("RFC 2295 section 8.1") {
        brief: "The other server's variants are set up wrongly.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "whatever the other server has to say",
        cacheable: false,
        reaction: "report",
        promise: "The other server's configuration of its variants runs in a circle. candor never says it; \
            a gateway passes it on.",
        visitor: "Tell whoever runs that site.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Reports it and does not repeat the request.",
    }
    INSUFFICIENT_STORAGE = 507 "Insufficient Storage" ("RFC 4918 section 11.5") {
        brief: "There is no room to store this.",
        older_name: None,
        sent: Sent::Origin,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "that there is no room to store it",
        cacheable: false,
        reaction: "report",
        promise: "There is no room to store this. Nothing is half-written, and what was there before is \
            untouched. Reading goes on.",
        visitor: "Keep your copy and try again later; tell whoever runs the site.",
        owner: "Free room on the disk of the site or of the state folder. A full ledger refuses writes \
            rather than forget them.",
        agent: "Reports it and does not repeat the request.",
    }
    LOOP_DETECTED = 508 "Loop Detected" ("RFC 5842 section 7.2") {
        brief: "The other server went round in a circle.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "whatever the other server has to say",
        cacheable: false,
        reaction: "report",
        promise: "A WebDAV server went round in a circle of bindings. candor has none and never says it; a \
            gateway passes it on.",
        visitor: "Tell whoever runs that site.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Reports it and does not repeat the request.",
    }
    NOT_EXTENDED = 510 "Not Extended" ("RFC 2774 section 7") {
        brief: "The other server asks for an extension.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "whatever the other server has to say",
        cacheable: false,
        reaction: "report",
        promise: "Part of an experiment with extensions that has been laid to rest. candor never says it; a \
            gateway passes it on.",
        visitor: "Tell whoever runs that site.",
        owner: "Nothing to do. It comes from the application behind the gateway.",
        agent: "Reports it and does not repeat the request.",
    }
    NETWORK_AUTHENTICATION_REQUIRED = 511 "Network Authentication Required" ("RFC 6585 section 6") {
        brief: "The network wants a login first.",
        older_name: None,
        sent: Sent::Never,
        fields: &[],
        without: &[],
        content: Content::Explanation,
        says: "where to log in to the network",
        cacheable: false,
        reaction: "report",
        promise: "The network between you and the server wants a login first, as in a hotel. It never comes \
            from the site that was asked for, and candor never says it.",
        visitor: "Open the login page of the network you are in, then try again.",
        owner: "Nothing to do; the visitor's network says it.",
        agent: "Reports that the network is in the way, and changes no link because of it.",
    }
}
