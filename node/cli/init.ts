/** `dpn init`: makes a data folder with settings and keys. */
import type { Command } from 'commander'
import { folderPath } from '../roles/config.ts'
import type { RawSettings } from '../roles/offline.ts'
import {
  perform,
  withExamples,
  withFolder,
  withJson,
  type JsonOption,
  type Shell,
} from './command.ts'
import type { Outcome } from './outcome.ts'

interface Options extends JsonOption {
  data?: string
  role?: string
  site?: string
  network?: string
  coordinatorKey?: string
  coordinatorUrl?: string
  coordinatorAddress?: string
  listen?: string
  announce?: string
  httpHost?: string
  httpPort?: string
  httpUrl?: string
  mailFrom?: string
  jurisdiction?: string
  controllerName?: string
  controllerAddress?: string
  controllerEmail?: string
  dpoName?: string
  dpoEmail?: string
  terms?: string
  exchangeSeconds?: string
  tickSeconds?: string
  inboundPerSecond?: string
}

const NEXT_FOR_SITE = [
  'Next: 1. send your application:        dpn apply --type general --jurisdiction DE --contact you@site.example',
  '      2. make a key for your website:  dpn key create website --role write',
  '      3. start the node:               dpn start',
  'Keep node.key and storage.key apart from the backups, which hold no keys.',
]
const NEXT_FOR_COORDINATOR = [
  'Next: 1. make a key for the staff:     dpn key create desk --role staff',
  '      2. make an account for yourself: dpn account create you@desk.example --role dpo',
  '      3. start the node:               dpn start',
  'Give the coordinator key above to every site and auditor, over a channel that they trust.',
]

async function initialise(
  around: Shell['around'],
  { json: _json, data, ...given }: Options,
): Promise<Outcome> {
  const { env } = around
  const { initFolder } = await import('../roles/offline.ts')
  const path = folderPath(env, data)
  const settings: RawSettings = { role: 'site', ...given }
  const { created, ...keys } = initFolder(path, settings, env)
  const isSite = settings.role === 'site'
  const json = { folder: path, role: settings.role, ...keys, created }
  if (!isSite) {
    const lines = [
      `Made the data folder ${path} of the coordinator of ${keys.network}.`,
      `coordinator key: ${keys.logKey}`,
      `witness key:     ${keys.witnessKey}`,
      ...NEXT_FOR_COORDINATOR,
    ]
    return { json, lines }
  }
  const lines = [
    `Made the data folder ${path} of ${keys.site} in ${keys.network}.`,
    'What the coordinator needs to know of you ("dpn apply" sends it):',
    `  site:        ${keys.site}`,
    `  log key:     ${keys.logKey}`,
    `  witness key: ${keys.witnessKey}`,
    ...NEXT_FOR_SITE,
  ]
  return { json, lines }
}

/** Adds the command. */
export function addInit(program: Command, shell: Shell): void {
  const command = withFolder(withJson(program.command('init')))
    .description('make a data folder: settings and the two secret keys')
    .option('--role <role>', 'site or coordinator', 'site')
    .option('--site <domain>', "this site's domain name")
    .option('--network <domain>', "the network's name (a coordinator's own)")
    .option(
      '--coordinator-key <vkey>',
      "the coordinator's verifier key, which the Network publishes",
    )
    .option('--coordinator-url <url>', "the coordinator's web address")
    .option('--coordinator-address <multiaddrs>', 'or its libp2p addresses')
    .option('--listen <multiaddrs>', 'libp2p addresses to listen on')
    .option('--announce <multiaddrs>', 'libp2p addresses to tell others')
    .option('--http-host <host>', 'where the API listens (127.0.0.1)')
    .option('--http-port <port>', 'its port (8080)')
    .option('--http-url <url>', "where the coordinator's pages are reached from outside")
    .option(
      '--mail-from <email>',
      'the address that its mails are from (DPN_SMTP_URL has the server)',
    )
    .option('--jurisdiction <code>', 'country of the coordinator')
    .option('--controller-name <name>', 'who runs the coordinator')
    .option('--controller-address <text>', 'postal address of the controller')
    .option('--controller-email <email>', 'e-mail address of the controller')
    .option('--dpo-name <name>', 'the data protection officer')
    .option('--dpo-email <email>', 'and how to reach them')
    .option('--terms <json>', 'terms with which a network begins')
    .option('--tick-seconds <count>', 'seconds between two looks at what is due')
    .option('--exchange-seconds <count>', 'seconds between two exchanges with each peer')
    .option('--inbound-per-second <count>', 'inbound connections a second from one address')
  withExamples(
    command,
    'dpn init --site amor.example --coordinator-key "$KEY" --coordinator-url https://dpn.example',
    'dpn init --role coordinator --network dpn.example --jurisdiction DE --controller-name "Pilot Group" \\',
    '    --controller-address "1 Example Street, Berlin" --controller-email office@dpn.example',
  ).action((options: Options) => perform(shell, options, () => initialise(shell.around, options)))
}
