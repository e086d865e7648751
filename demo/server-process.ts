import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { EmbeddedBroker } from '../src/embedded/broker.js'
import type { EmbeddedPostgres } from '../src/embedded/postgres.js'
import { findFreePort } from '../src/embedded/free-port.js'
import { withHiddenFolders } from '../src/embedded/hide-folder.js'
import type { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import type { Folders } from './folders.js'
import { runCommand } from './person.js'
import { programs } from './programs.js'
import type { Product } from './product.js'
import type { SignerProcess } from './signer-process.js'

export interface ServerParts {
  readonly folders: Folders
  readonly product: Product
  readonly postgres: EmbeddedPostgres
  readonly broker: EmbeddedBroker
  readonly release: SignerProcess
  readonly online: SignerProcess
  /** Default: any free one. */
  readonly port?: number
}

/** Starts the server in a process that cannot see people's keys or the tokens. @returns its URL and the first officer's token. */
export async function startServer(
  supervisor: ProcessSupervisor,
  parts: ServerParts,
  hideKeys: boolean,
): Promise<{ url: string; firstToken: string }> {
  const { folders } = parts
  const port = parts.port ?? (await findFreePort())
  const url = `http://127.0.0.1:${port}`
  const environment = { PATH: process.env['PATH'], ...writeConfiguration(parts, port, url) }
  const tokenFile = folders.path('keys', 'first-token')
  await step('migrate', [programs.node, programs.server, 'migrate'], environment)
  await step('bootstrap', [programs.node, programs.server, 'bootstrap', '--out', tokenFile], environment)
  const command = [programs.node, programs.server]
  const hidden = [folders.keys, folders.path('release', 'token'), folders.path('online', 'token')]
  await supervisor.launch({
    name: 'server',
    command: hideKeys ? withHiddenFolders(hidden, command) : command,
    logFile: folders.path('server', 'server.log'),
    environment,
    readyTimeoutMs: 90_000,
    isReady: () =>
      fetch(`${url}/health/live`).then(
        (response) => response.ok,
        () => false,
      ),
  })
  return { url, firstToken: readFileSync(tokenFile, 'utf8').trim() }
}

async function step(name: string, command: string[], environment: Record<string, string | undefined>): Promise<void> {
  const { code, output } = await runCommand(command, environment)
  if (code !== 0) throw new Error(`server ${name}: ${output.trim().split('\n').at(-1) ?? ''}`)
}

function writeConfiguration(parts: ServerParts, port: number, url: string): Record<string, string> {
  const { folders, product, broker } = parts
  const secret = { mode: 0o600 }
  const databaseFile = folders.path('server', 'database-url')
  writeFileSync(databaseFile, `${parts.postgres.url('countersign')}\n`, secret)
  const webhookFile = folders.path('server', 'webhook-secret')
  // Drawn once: receivers hold what is derived from it.
  if (!existsSync(webhookFile)) writeFileSync(webhookFile, `${randomBytes(32).toString('base64')}\n`, secret)
  const namespacesFile = folders.path('server', 'namespaces.json')
  const namespaces = [
    {
      namespace: product.namespace,
      rootFile: folders.path('root-1.cbor'),
      releaseSigner: parts.release.socket,
      onlineSigner: parts.online.socket,
      vendorDomain: product.vendorDomain,
      classes: product.classes,
    },
  ]
  writeFileSync(namespacesFile, JSON.stringify(namespaces, null, 2), secret)
  return {
    DATABASE_URL_FILE: databaseFile,
    HTTP_PORT: String(port),
    PUBLIC_URL: url,
    STORE_DIR: folders.path('store'),
    NAMESPACES_FILE: namespacesFile,
    MQTT_URL: broker.serverUrl,
    MQTT_USERNAME: broker.serverUsername,
    MQTT_PASSWORD_FILE: broker.serverPasswordFile,
    MQTT_DEVICE_URL: broker.deviceUrl,
    BROKER_PASSWORD_FILE: broker.devicePasswordFile,
    BROKER_PID_FILE: broker.pidFile,
    WEBHOOK_SECRET_FILE: webhookFile,
    INSTANCE_ID: 'server-1',
    PROFILE: 'laptop',
    ROLLOUT_TICK_MS: '200',
  }
}
