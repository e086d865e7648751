import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { EmbeddedPostgres } from '../../src/embedded/postgres.js'
import { projectFolder } from '../../src/embedded/program-file.js'
import { runMigrations } from '../../src/server/database/migrate.js'
import type { ServerConfig } from '../../src/server/server-config.js'
import { CLASS_ID, TrustFixture } from '../../test/support/trust-fixture.js'

const TOKEN = 'bench-token-of-every-client'

export interface Part {
  readonly process: ChildProcess
  readonly port: number
}

/** A database full of clients, our server and the bare one, each in a process of its own. */
export class PollScene {
  private readonly parts: ChildProcess[] = []

  private constructor(
    private readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
    private readonly databaseUrl: string,
    private readonly namespace: string,
  ) {}

  static async start(): Promise<PollScene> {
    const folder = await mkdtemp(join(tmpdir(), 'cs-poll-'))
    const postgres = await EmbeddedPostgres.start({ folder: join(folder, 'database'), isDurable: false })
    const { rootBytes, namespace } = await TrustFixture.make()
    await writeFile(join(folder, 'root-1.cbor'), rootBytes)
    const databaseUrl = await postgres.createDatabase('poll')
    await runMigrations(databaseUrl)
    return new PollScene(folder, postgres, databaseUrl, namespace)
  }

  async stop(): Promise<void> {
    for (const part of this.parts) {
      if (part.exitCode !== null) continue
      part.kill('SIGKILL')
      await once(part, 'exit')
    }
    await this.postgres.stop()
    await rm(this.folder, { recursive: true })
  }

  /** The whole server. @param flags of its engine. */
  ourServer(flags: readonly string[] = []): Promise<Part> {
    return this.fork('our-server.js', this.config(), flags)
  }

  /** Answers every request alike. */
  bareServer(answer: object): Promise<Part> {
    return this.fork('bare-server.js', answer)
  }

  async fillDevices(count: number): Promise<void> {
    const client = new pg.Client({ connectionString: this.databaseUrl })
    await client.connect()
    await client.query(
      `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at)
       SELECT $1, encode(sha256(convert_to('native ' || n, 'UTF8')), 'hex'), $2, sha256(convert_to('key ' || n, 'UTF8')),
         sha256(convert_to('csd_' || lpad(n::text, 43, '0'), 'UTF8')), 1, 1 FROM generate_series(0, $3::int - 1) AS n`,
      [this.namespace, Buffer.from(CLASS_ID), count],
    )
    await client.query('VACUUM ANALYZE device')
    await client.end()
  }

  async fillClients(count: number): Promise<void> {
    const client = new pg.Client({ connectionString: this.databaseUrl })
    await client.connect()
    const hash = (kind: string, end: string): string =>
      `sha256(convert_to('ddi ${kind} ' || $1 || ' bench-' || n${end}, 'UTF8'))`
    await client.query(
      `INSERT INTO device (namespace, id, class_id, protocol, credential_sha256, enrolled_at, last_seen_at)
       SELECT $1::text, encode(${hash('device', '')}, 'hex'), $2, 'ddi', ${hash('target', ` || ' ' || $4`)}, 1, 1
       FROM generate_series(0, $3::int - 1) AS n`.replaceAll('$1 ||', '$1::text ||'),
      [this.namespace, Buffer.from(CLASS_ID), count, TOKEN],
    )
    await client.query(
      `INSERT INTO ddi_target (namespace, controller_id, device_id, is_config_asked, installed_action)
       SELECT $1::text, 'bench-' || n, encode(${hash('device', '').replace('$1 ||', '$1::text ||')}, 'hex'), false, 7
       FROM generate_series(0, $2::int - 1) AS n`,
      [this.namespace, count],
    )
    await client.query('VACUUM ANALYZE device, ddi_target')
    await client.end()
  }

  nativeRequest(index: number): Buffer {
    const id = createHash('sha256').update(`native ${index}`).digest('hex')
    return Buffer.from(
      `GET /device/v1/${this.namespace}/${id}/update?root=1&krl=0 HTTP/1.1\r\nHost: updates.example\r\n` +
        `Accept: application/cbor\r\nAuthorization: Device ${credentialOf(index)}\r\n\r\n`,
    )
  }

  ddiRequest(index: number): Buffer {
    const tenant = this.namespace.replace('/', '.')
    return Buffer.from(
      `GET /${tenant}/controller/v1/bench-${index} HTTP/1.1\r\nHost: updates.example\r\nUser-Agent: libcurl-agent/1.0\r\n` +
        `Content-Type: application/json\r\nAccept: application/json\r\nAuthorization: TargetToken ${TOKEN}\r\n\r\n`,
    )
  }

  private config(): ServerConfig {
    const nowhere = 'mqtt://127.0.0.1:9'
    return {
      databaseUrl: this.databaseUrl,
      httpHost: '127.0.0.1',
      httpPort: 0,
      publicUrl: 'http://127.0.0.1',
      storeDir: join(this.folder, 'store'),
      namespaces: [
        {
          namespace: this.namespace,
          rootFile: join(this.folder, 'root-1.cbor'),
          releaseSigner: '/nowhere',
          onlineSigner: '/nowhere',
          vendorDomain: 'vendor.example',
          classes: [{ name: 'gateway-r2', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }],
        },
      ],
      mqtt: { url: nowhere, username: 'server', passwordFile: '/dev/null', deviceUrl: nowhere },
      broker: { passwordFile: '', pidFile: '' },
      webhookKey: null,
      instanceId: 'bench',
      trustedProxies: [],
      profile: 'laptop',
      rolloutTickMs: 1_000,
      maxUploadBytes: 1_048_576,
      uploadLifeSeconds: 3_600,
      s3: null,
    }
  }

  private async fork(file: string, message: object, execArgv: readonly string[] = []): Promise<Part> {
    const child = fork(join(projectFolder(), 'dist', 'bench', 'poll', file), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [...execArgv],
    })
    this.parts.push(child)
    child.send(message)
    const [address] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${file} ended`))),
    ])) as [AddressInfo]
    return { process: child, port: address.port }
  }
}

const credentialOf = (index: number): string => `csd_${String(index).padStart(43, '0')}`
