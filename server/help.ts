import type { CommandName } from './config.js'

const IN_ENVIRONMENT = `Each option may also come from the environment: --allowed-origin as
PORCHLIGHT_ALLOWED_ORIGIN. What is said on the command line counts more.`

export const HELP: Readonly<Record<CommandName | 'porchlight', string>> = {
  porchlight: `Porchlight says who is here, on what, since when, and whether to disturb them.

  porchlight relay           run a relay
  porchlight token USER      print a token that lets USER in
  porchlight COMMAND --help  more about one command
  porchlight --version

${IN_ENVIRONMENT}

Try it
  export PORCHLIGHT_SECRET=$(openssl rand -base64 32)
  porchlight relay --demo`,

  relay: `porchlight relay: run a relay, until Ctrl-C or SIGTERM; a second one ends it at once.

  --secret KEY               checks tokens (HS256); at least 32 bytes. Other users of this
                             machine can read arguments: better in PORCHLIGHT_SECRET
  --port 8787                0 picks a free one
  --host 127.0.0.1           where to listen; 0.0.0.0 for everywhere
  --store memory             forgets everything when it ends
          level:DIR          keeps it in a folder, which is made if need be
  --allowed-origin ORIGIN    pages that may connect, exactly as the browser writes them; may be
                             repeated. Without it: pages of this very host, and on this machine
                             those of localhost
  --channel-feed-limit 500   a channel with more members sends counts and pages
  --drain 10s                at SIGTERM clients are let go one by one within this time, at most
                             1m; the process ends at most 7 s later
  --log-level warn           debug, warn or error: one JSON object a line, on standard error
  --demo                     serves the demo, which lets anybody be anybody; on this machine only

It answers, at the same port
  /healthz      200 while it is alive
  /readyz       200 while it takes clients and its store takes writes; else 503, and why
  /metrics      for Prometheus; only to this machine and private networks, and not through a
                proxy that says so (X-Forwarded-For): have yours not pass it on
  /v1/presence  ?user=alice&user=bob, with Authorization: Bearer TOKEN

${IN_ENVIRONMENT}

Examples
  porchlight relay --demo --secret "$(openssl rand -base64 32)"
  porchlight relay --host 0.0.0.0 --store level:/var/lib/porchlight \\
    --allowed-origin https://app.example.com`,

  token: `porchlight token USER: print a JWT that lets USER in, for trying things out. In earnest your
own server signs them: HS256 with the relay's secret, claims sub, exp, channels, watch.

  --secret KEY               the relay's; better in PORCHLIGHT_SECRET
  --channels a,b             which channels USER may join; '*' for any
  --watch x,y                whom USER may watch beside them; '*' for anybody
  --ttl 10m                  how long it lasts: 30s, 10m, 2h, 7d

${IN_ENVIRONMENT}

Examples
  porchlight token alice --channels general,random
  porchlight token "Grace Hopper" --watch '*' --ttl 1h`,
}
