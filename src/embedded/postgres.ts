import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { Refusal } from '../domain/refusal.js'
import { findFreePort, requireFreePort } from './free-port.js'
import { ManagedProcess, ProcessFailure } from './managed-process.js'
import { asOrdinaryUser } from './own-user-namespace.js'
import { findPostgresPrograms } from './postgres-programs.js'
import type { Launch } from './process-supervisor.js'

const USER = 'cs'
const run = promisify(execFile)

export interface PostgresOptions {
  /** Ours alone. Holds data, password and log; a folder that was used before is used again, with its data. */
  readonly folder: string
  /** Default: any free one. */
  readonly port?: number
  /** False only for databases that are thrown away: a commit then does not wait for the disk. Default true. */
  readonly isDurable?: boolean
  /** Default: a program that its caller has to stop. */
  readonly launch?: Launch
}

/** PostgreSQL of our own on 127.0.0.1, with a password. */
export class EmbeddedPostgres {
  private constructor(
    private readonly process: ManagedProcess,
    private readonly password: string,
    readonly port: number,
  ) {}

  /**
   * Starts it, making its data folder first where there is none.
   * @throws Refusal `PACKAGE_MISSING`, `PORT_BUSY`, or `DATABASE_UNAVAILABLE` with PostgreSQL's own last words.
   */
  static async start(options: PostgresOptions): Promise<EmbeddedPostgres> {
    if (options.port !== undefined) {
      await requireFreePort(options.port)
      return EmbeddedPostgres.startAt(options.port, options)
    }
    for (let triesLeft = 3; ; triesLeft -= 1)
      try {
        return await EmbeddedPostgres.startAt(await findFreePort(), options)
      } catch (error) {
        // Nothing holds a port until it is used: somebody else may have been quicker.
        if (triesLeft === 0 || !isPortTaken(error)) throw error
      }
  }

  private static async startAt(port: number, options: PostgresOptions): Promise<EmbeddedPostgres> {
    const programs = await findPostgresPrograms()
    const data = join(options.folder, 'data')
    const password = await initialise(options.folder, data, programs.initdb)
    const durability = (options.isDurable ?? true) ? [] : ['fsync', 'synchronous_commit', 'full_page_writes']
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=100',
      'shared_buffers=64MB',
      ...durability.map((name) => `${name}=off`),
    ].flatMap((setting) => ['-c', setting])
    const launch = options.launch ?? ((recipe) => ManagedProcess.start(recipe))
    try {
      const started = await launch({
        name: 'postgresql',
        command: asOrdinaryUser([programs.postgres, '-D', data, '-p', String(port), ...settings]),
        logFile: join(options.folder, 'postgresql.log'),
        isReady: () => accepts(urlOf(port, password, 'postgres')),
        // Fast shutdown: sessions are ended, transactions rolled back, data flushed. SIGTERM would wait for clients.
        stopSignal: 'SIGINT',
        stopGraceMs: 10_000,
      })
      return new EmbeddedPostgres(started, password, port)
    } catch (error) {
      if (!(error instanceof ProcessFailure)) throw error
      throw new Refusal('DATABASE_UNAVAILABLE', { why: `${error.why}; ${lastFatal(error)}` }, { cause: error })
    }
  }

  /** Holds the password: for a 0600 file or a child's environment, never for an argument or a log line. */
  url(database = 'postgres'): string {
    return urlOf(this.port, this.password, database)
  }

  /** @param template an existing database to copy, to which nobody is connected. @returns its URL. */
  async createDatabase(name: string, template = 'template1'): Promise<string> {
    for (const each of [name, template]) {
      if (!/^[a-z][a-z0-9_]{0,62}$/.test(each)) throw new Error(`not a database name: ${each}`)
    }
    await withClient(this.url(), (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`))
    return this.url(name)
  }

  stop(): Promise<void> {
    return this.process.stop()
  }
}

const isPortTaken = (error: unknown): boolean =>
  error instanceof Refusal && String(error.detail['why']).includes('could not create any TCP/IP sockets')

/** @returns the password. initdb writes PG_VERSION early, so a folder that was left half made is told by our own mark. */
async function initialise(folder: string, data: string, initdb: string): Promise<string> {
  const passwordFile = join(folder, 'password')
  const mark = join(folder, 'initialised')
  if (existsSync(mark)) return (await readFile(passwordFile, 'utf8')).trim()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await rm(data, { recursive: true, force: true })
  const password = randomBytes(24).toString('base64url')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  const [program = '', ...args] = asOrdinaryUser([
    ...[initdb, '-D', data, '-U', USER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
    // A flush at the end of initdb protects data; there is none yet, and the mark below is written after it.
    ...['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'],
  ])
  try {
    await run(program, args)
  } catch (error) {
    const why = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? 'initdb failed'
    throw new Refusal('DATABASE_UNAVAILABLE', { why }, { cause: error })
  }
  await writeFile(mark, '')
  return password
}

const urlOf = (port: number, password: string, database: string): string =>
  `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`

async function accepts(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.query('SELECT 1'))
    return true
  } catch {
    // Refused, or still starting: asked again, until the time for getting ready is over.
    return false
  }
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

const lastFatal = (failure: ProcessFailure): string =>
  failure.logTail.findLast((line) => line.includes('FATAL')) ?? failure.logTail.at(-1) ?? 'it wrote nothing'
