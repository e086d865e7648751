import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findFreePort } from '../../src/embedded/free-port.js'
import { ManagedProcess } from '../../src/embedded/managed-process.js'
import { requireProgramFile } from '../../src/embedded/program-file.js'
import type { S3Config } from '../../src/server/storage/s3-config.js'

export interface ServerProcessOptions {
  /** Holds its configuration, its store and its log. */
  readonly folder: string
  readonly databaseUrl: string
  readonly namespace: string
  readonly rootBytes: Uint8Array
  /** Policy 1, put where a ceremony would have brought it: there is no signer to take it. */
  readonly policyBytes?: Uint8Array
  readonly maxUploadBytes?: number
  readonly s3?: S3Config
  readonly storeDir?: string
}

/** The compiled server as a process of its own, which can be killed and started again. It has no broker and no signer. */
export class ServerProcess {
  private process: ManagedProcess | null = null
  private constructor(
    private readonly options: ServerProcessOptions,
    private readonly environment: Readonly<Record<string, string>>,
    readonly url: string,
    /** Of the first security officer. */
    readonly officerToken: string,
  ) {}

  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const url = `http://127.0.0.1:${await findFreePort()}`
    const environment = writeConfiguration(options, url)
    const tokenFile = join(options.folder, 'officer.token')
    const program = requireProgramFile('src/server/main')
    for (const words of [['migrate'], ['bootstrap', '--out', tokenFile]])
      await promisify(execFile)(process.execPath, [program, ...words], { env: environment })
    if (options.policyBytes !== undefined) await storePolicy(options, options.policyBytes)
    const server = new ServerProcess(options, environment, url, readFileSync(tokenFile, 'utf8').trim())
    await server.launch()
    return server
  }

  get storeDir(): string {
    return this.environment['STORE_DIR'] ?? ''
  }

  get pid(): number {
    return this.process?.pid ?? 0
  }

  async launch(): Promise<void> {
    this.process = await ManagedProcess.start({
      name: 'server',
      command: [process.execPath, requireProgramFile('src/server/main')],
      logFile: join(this.options.folder, 'server.log'),
      environment: this.environment,
      readyTimeoutMs: 120_000,
      isReady: () =>
        fetch(`${this.url}/health/live`).then(
          (answer) => answer.ok,
          () => false,
        ),
    })
  }

  /** As the kernel does it when memory runs out. */
  async kill(): Promise<void> {
    this.process?.killGroup()
    await this.process?.ended
  }

  async stop(): Promise<void> {
    await this.process?.stop()
  }

  /** A token of these roles, made by way of the API. */
  async token(roles: readonly string[], person?: string): Promise<string> {
    const label = roles.join(' ')
    const expires = Math.floor(Date.now() / 1_000) + 3_600
    const answer = await fetch(`${this.url}/api/v1/${this.options.namespace}/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.officerToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ label, roles, expires, ...(person === undefined ? {} : { person }) }),
    })
    const { token } = (await answer.json()) as { token?: string }
    if (token === undefined) throw new Error(`no token: ${answer.status}`)
    return token
  }
}

async function storePolicy({ databaseUrl, namespace }: ServerProcessOptions, policy: Uint8Array): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const columns = 'namespace, kind, version, document, stored_ms'
  const values = [namespace, 'policy', 1, Buffer.from(policy), Date.now()]
  await client.query(`INSERT INTO trust_document (${columns}) VALUES ($1, $2, $3, $4, $5)`, values)
  await client.end()
}

function writeConfiguration(options: ServerProcessOptions, url: string): Record<string, string> {
  const { folder, namespace, s3 } = options
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  mkdirSync(folder, { recursive: true })
  const sockets = { releaseSigner: join(folder, 'no-signer'), onlineSigner: join(folder, 'no-signer') }
  const rootFile = write('root-1.cbor', options.rootBytes)
  const classes = [{ name: 'gateway-b', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }]
  const row = { namespace, rootFile, ...sockets, vendorDomain: 'vendor.example', classes }
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL_FILE: write('database-url', options.databaseUrl),
    HTTP_PORT: new URL(url).port,
    PUBLIC_URL: url,
    STORE_DIR: options.storeDir ?? join(folder, 'store'),
    NAMESPACES_FILE: write('namespaces.json', JSON.stringify([row])),
    MQTT_URL: 'mqtt://127.0.0.1:9',
    MQTT_USERNAME: 'server',
    MQTT_PASSWORD_FILE: write('mqtt-password', 'none'),
    MQTT_DEVICE_URL: 'mqtt://127.0.0.1:9',
    BROKER_PASSWORD_FILE: write('broker-passwords', ''),
    BROKER_PID_FILE: write('broker.pid', ''),
    WEBHOOK_SECRET_FILE: write('webhook-secret', Buffer.alloc(32, 7).toString('base64')),
    INSTANCE_ID: 'server-1',
    PROFILE: 'laptop',
    MAX_UPLOAD_BYTES: String(options.maxUploadBytes ?? 2 ** 31),
    ...(s3 === undefined ? {} : storeVariables(s3, write)),
  }
}

const storeVariables = (s3: S3Config, write: (name: string, content: string) => string): Record<string, string> => ({
  S3_BUCKET: s3.bucket,
  S3_ENDPOINT: s3.endpoint,
  S3_ACCESS_KEY_FILE: write('s3-access-key', s3.accessKeyId),
  S3_SECRET_KEY_FILE: write('s3-secret-key', s3.secretAccessKey),
})
