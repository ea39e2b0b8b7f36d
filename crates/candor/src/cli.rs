//! The command line's words. What they do is in one file per command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A web server that treats response codes as promises, and can say why it gave them.
#[derive(Debug, Parser)]
#[command(
    name = "candor",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    subcommand_required = true,
    after_help = "\
Examples:
  candor serve ./public                      serve a folder at http://127.0.0.1:8080
  candor why http://127.0.0.1:8080/old.html  how that server reached its answer
  candor explain 410                         what a code promises
  candor get -o page.html http://127.0.0.1:8080/page.html
                                             fetch a document, edit it, and put it back:
  candor put http://127.0.0.1:8080/page.html page.html

Exit codes: 0 fine; 1 findings, or a refusal by the other side; 2 usage or configuration; \
3 no answer could be had; 4 a person must decide; 5 accepted, not done"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Why(Why),
    Explain(Explain),
    Get(Get),
    Head(Head),
    Put(Put),
    Post(Post),
    Delete(Delete),
    Wait(Wait),
    /// Check the links of documents, and mend those that moved
    #[command(subcommand, arg_required_else_help = true)]
    Links(LinksCommand),
    /// Look after configuration files
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Look after users
    #[command(subcommand, arg_required_else_help = true)]
    User(UserCommand),
    Log(Log),
    Move(MoveMark),
    Retire(Retire),
    Restore(Restore),
    Completions(Completions),
    Man(Man),
}

/// Serve a folder, or what a configuration file says
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor serve                                      this folder, at http://127.0.0.1:8080
  candor serve ./public --listen 0.0.0.0:8080       a folder, for everybody on the network
  candor serve ./public --tls-cert c.pem --tls-key k.pem --listen 0.0.0.0:8443
  candor serve ./public --author amy                amy may write, too; her password is printed
  candor serve --config /etc/candor.toml            sites, routes and limits from a file

Flags win over the environment, and that wins over the file. The environment can set CANDOR_LISTEN
(several with commas), CANDOR_STATE, CANDOR_ACCESS_LOG, CANDOR_TRUSTED_PROXIES, CANDOR_RESERVED,
CANDOR_LISTING, CANDOR_TLS_CERT, CANDOR_TLS_KEY, CANDOR_INSECURE_BASIC, and each limit as in
CANDOR_LIMITS_HEAD_TIMEOUT=5s.

SIGTERM and SIGINT finish what was begun, then end; SIGHUP reads the configuration again.")]
pub(crate) struct Serve {
    /// The folder to serve; without it and without a file, this folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,

    /// The configuration file; with a folder, its only site serves that folder
    #[arg(long, value_name = "FILE", env = "CANDOR_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    /// Where to listen: 127.0.0.1:8080, https://0.0.0.0:443 or unix:/run/candor.sock; may be repeated
    ///
    /// Port 0 takes a free one. With --tls-cert, an address without a scheme speaks https.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,

    /// The folder for ledger, versions and keys
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,

    /// Somebody who may write; without a password, one is made up and printed; may be repeated
    #[arg(long, value_name = "NAME[:PASSWORD]")]
    pub(crate) author: Vec<String>,

    /// The certificate chain, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// The form of the access log: combined, json or off
    #[arg(long, value_name = "FORMAT")]
    pub(crate) access_log: Option<String>,

    /// Do not list folders that have no index
    #[arg(long)]
    pub(crate) no_listing: bool,
}

/// Ask a running candor how it reached its answer
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor why http://127.0.0.1:8080/old.html
  candor why -H 'Accept-Language: de' http://127.0.0.1:8080/report
  candor why -X DELETE http://127.0.0.1:8080/box/1

The request is really made, with what its method does. A candor of the same user on the same machine
gives its trace without further ado: its admin key is found in the runtime folder of the user. For
another one, name the file of its key (admin.key in its state folder) with --key.")]
pub(crate) struct Why {
    /// The method of the request
    #[arg(short = 'X', value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,

    /// A field of the request; may be repeated
    #[arg(short = 'H', value_name = "'Name: value'")]
    pub(crate) field: Vec<String>,

    /// The file with the server's admin key, in place of the one found by address
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Accept any certificate
    #[arg(long)]
    pub(crate) insecure: bool,

    /// For programs
    #[arg(long)]
    pub(crate) json: bool,

    /// The address in question
    #[arg(value_name = "URL")]
    pub(crate) url: String,
}

/// What all commands of the user agent take.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// A field of the request; may be repeated
    #[arg(short = 'H', value_name = "'Name: value'")]
    pub(crate) field: Vec<String>,

    /// Name and password for the origin of the URL, given when it asks; without a password, it is asked for
    #[arg(
        short = 'u',
        long = "user",
        value_name = "USER[:PASSWORD]",
        env = "CANDOR_USER",
        hide_env_values = true
    )]
    pub(crate) user: Option<String>,

    /// Repeats after 408 and after a wait that the server advises (else 3), and one of 502 and 504 (else none)
    #[arg(long, value_name = "N")]
    pub(crate) retry: Option<u32>,

    /// Follow accepted work (202) to its end
    #[arg(long)]
    pub(crate) wait: bool,

    /// Agree to what is asked: redirects of unsafe requests, and resubmitting a clean merge
    #[arg(long)]
    pub(crate) yes: bool,

    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Fetch a document: follow, resume, wait and choose as the answers ask
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor get http://127.0.0.1:8080/page.html             to standard output
  candor get -o big.iso https://example.org/big.iso      to a file; run it again to resume
  candor get --lang de --accept application/pdf http://127.0.0.1:8080/report

Documents are kept below $XDG_CACHE_HOME/candor and asked for again with their validators; addresses
that moved for good are remembered there. Proxies are taken from http_proxy, https_proxy and no_proxy.")]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) asking: Asking,

    /// Write into this file, all at once; what came of a broken transfer stays in FILE.part
    #[arg(short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Media types wanted, as in Accept
    #[arg(long, value_name = "TYPES")]
    pub(crate) accept: Option<String>,

    /// Languages wanted, as in Accept-Language
    #[arg(long, value_name = "LANGUAGES")]
    pub(crate) lang: Option<String>,

    /// Neither use nor keep copies and remembered moves
    #[arg(long)]
    pub(crate) no_cache: bool,

    /// The addresses
    #[arg(value_name = "URL", required = true)]
    pub(crate) url: Vec<String>,
}

/// Some addresses, and how they are asked.
#[derive(Debug, Args)]
pub(crate) struct Each {
    #[command(flatten)]
    pub(crate) asking: Asking,

    /// The addresses
    #[arg(value_name = "URL", required = true)]
    pub(crate) url: Vec<String>,
}

/// Show the head of the answer to HEAD, and the redirects on the way to it
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  candor head http://127.0.0.1:8080/page.html")]
pub(crate) struct Head {
    #[command(flatten)]
    pub(crate) each: Each,
}

/// Remove a document, if it still is what get -o or put saw last
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  candor delete -u amy http://127.0.0.1:8080/box/1")]
pub(crate) struct Delete {
    #[command(flatten)]
    pub(crate) each: Each,
}

/// Store a document, and resolve conflicts with whoever was faster
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor get -o page.html http://127.0.0.1:8080/page.html
  candor put -u amy http://127.0.0.1:8080/page.html page.html
  date | candor put http://127.0.0.1:8080/box/now -

The entity tag that get -o or put saw last is sent as If-Match, so that nobody's work is overwritten
unseen. On a conflict the differences are shown, and where both changes fit together a merge is
offered; nothing is sent again without a yes.")]
pub(crate) struct Put {
    #[command(flatten)]
    pub(crate) asking: Asking,

    /// The media type of the content; else by the file's name
    #[arg(long = "type", value_name = "MEDIA-TYPE")]
    pub(crate) media_type: Option<String>,

    /// Overwrite whatever is there: send no If-Match
    #[arg(long)]
    pub(crate) force: bool,

    /// The address
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The file; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

/// Send content to be worked on, or a new member to a collection
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor post http://127.0.0.1:8080/box/ note.txt            prints where the new resource is
  candor post --wait http://127.0.0.1:8080/form/slow -       to the end of work that takes its time")]
pub(crate) struct Post {
    #[command(flatten)]
    pub(crate) asking: Asking,

    /// The media type of the content; else by the file's name
    #[arg(long = "type", value_name = "MEDIA-TYPE")]
    pub(crate) media_type: Option<String>,

    /// The address
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The file; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

/// Follow the monitor of accepted work to its end
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  candor wait http://127.0.0.1:8080/-/jobs/42")]
pub(crate) struct Wait {
    #[command(flatten)]
    pub(crate) asking: Asking,

    /// Stop waiting after so many seconds, with exit code 5
    #[arg(long, value_name = "SECONDS")]
    pub(crate) limit: Option<u64>,

    /// The monitors
    #[arg(value_name = "URL", required = true)]
    pub(crate) url: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LinksCommand {
    Check(LinksCheck),
    Fix(LinksFix),
    Undo(LinksUndo),
}

/// What checking and fixing have in common.
#[derive(Debug, Args)]
pub(crate) struct Linking {
    /// Where the folder is served: what is not in it is asked there
    #[arg(long, value_name = "URL")]
    pub(crate) base: Option<String>,

    /// Ask nothing over the network
    #[arg(long, conflicts_with = "base")]
    pub(crate) offline: bool,

    /// Requests under way to one host at once; to this machine, 128
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) per_host: usize,

    /// For programs
    #[arg(long)]
    pub(crate) json: bool,

    /// A folder, a document, or for check the address of a site
    #[arg(value_name = "PATH|URL")]
    pub(crate) path: String,
}

/// Ask every address that the documents refer to, once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor links check ./public                                  a folder; its own addresses are looked up in it
  candor links check ./public --base http://127.0.0.1:8080/    what is not there is asked of its server
  candor links check http://127.0.0.1:8080/docs/               the pages of a site beneath an address

Documents are HTML, Markdown, CSS, Atom, RSS, sitemaps and lists of URLs (.urls). Exit code 1 says that
there are findings. In a workflow of GitHub the findings are annotations, too.")]
pub(crate) struct LinksCheck {
    #[command(flatten)]
    pub(crate) linking: Linking,
}

/// Write the new addresses of what moved for good, and nothing else
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor links fix --dry-run ./public       show the differences
  candor links fix ./public                 write what can be trusted; ask about the rest on a terminal
  candor links fix --approve ./public       also write what wants a yes, and take out links to what is gone
  candor links undo ./public                take the last run back

Only 301 and 308 change a reference, and only to an address that answers with success. Without a yes an edit
needs an answer over https or from this machine, from the reference's own origin, seen twice at least a day
apart (on this machine, once). Exit code 4 says that edits wait for a decision.")]
pub(crate) struct LinksFix {
    #[command(flatten)]
    pub(crate) linking: Linking,

    /// Change nothing; print a unified diff of what would be written
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Say yes to every edit that a yes is enough for, removals of what is gone among them
    #[arg(long)]
    pub(crate) approve: bool,
}

/// Take the edits of the last fix back
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  candor links undo ./public")]
pub(crate) struct LinksUndo {
    /// The folder or document that was fixed
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
}

/// Say what a response code promises, for server, gateway and user agent
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor explain           every code in a line
  candor explain 410       one code in full
  candor explain 503 --json")]
pub(crate) struct Explain {
    /// The code; without one, all are listed
    #[arg(value_name = "CODE", value_parser = clap::value_parser!(u16).range(100..600))]
    pub(crate) code: Option<u16>,

    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    Check(ConfigCheck),
}

/// Read a configuration file and say everything that is wrong with it
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  candor config check /etc/candor.toml && systemctl reload candor")]
pub(crate) struct ConfigCheck {
    /// The configuration file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    Hash(UserHash),
}

/// Make the hash of a password, for [[user]] in a configuration file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor user hash                          asks for the password twice, without showing it
  printf %s \"$PASSWORD\" | candor user hash
  candor user hash --token                  a new bearer token, and its digest for the file")]
pub(crate) struct UserHash {
    /// Make a bearer token for a program instead, and print it with its digest
    #[arg(long)]
    pub(crate) token: bool,
}

/// The folder whose ledger is meant
#[derive(Debug, Args)]
pub(crate) struct SiteFolder {
    /// The folder that is served; a server may be serving it
    #[arg(value_name = "SITE")]
    pub(crate) site: String,

    /// The state folder, if the server was told one
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// Show what was done to the addresses of a site, newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor log ./public
  candor log ./public /guide/               what was done below an address
  candor log ./public --json")]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) site: SiteFolder,

    /// An address; one that ends in a slash stands for everything below
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,

    /// How many acts at most
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) most: usize,

    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Say that an address moved: it answers 301, whatever is there, until restored
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor move ./public /old.html /new.html          301 from now on
  candor move ./public /old/ /new/                  with everything below
  candor move ./public /talk /slides.pdf /text.html a choice: 300
  candor move ./public /shop /closed.html --for-now --until 2030-01-31
                                                    302, until then")]
pub(crate) struct MoveMark {
    #[command(flatten)]
    pub(crate) site: SiteFolder,

    /// The address that moved
    #[arg(value_name = "FROM")]
    pub(crate) from: String,

    /// Where it is now: an address of the site, or a URL; several are a choice
    #[arg(value_name = "TO", required = true)]
    pub(crate) to: Vec<String>,

    /// For now only: 302
    #[arg(long)]
    pub(crate) for_now: bool,

    /// Until when: a date, a time, or so long from now as in 90d
    #[arg(long, value_name = "TIME", requires = "for_now")]
    pub(crate) until: Option<String>,
}

/// Say that an address is gone: it answers 410, whatever is there, until restored
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor retire ./public /offer.html --note 'the offer has ended'
  candor retire ./public /~amy/                     everything below, too
  candor retire ./public /offer.html --at 2030-01-31 --keep 90d
                                                    410 from then on, and 404 after 90 days")]
pub(crate) struct Retire {
    #[command(flatten)]
    pub(crate) site: SiteFolder,

    /// The address
    #[arg(value_name = "PATH")]
    pub(crate) path: String,

    /// Words for those who ask for it
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,

    /// Since when: a date, a time, or so long from now as in 90d
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,

    /// For how long it is told; afterwards 404
    #[arg(long, value_name = "TIME")]
    pub(crate) keep: Option<String>,
}

/// Lift what move, retire or a deletion says of an address
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  candor restore ./public /offer.html")]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) site: SiteFolder,

    /// The address
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor completions bash > ~/.local/share/bash-completion/completions/candor
  candor completions fish > ~/.config/fish/completions/candor.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual pages
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  candor man | man -l -                     read them
  candor man --dir /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Write one file a page into this folder instead
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
