import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgres } from '../../src/embedded/postgres.js'
import { runMigrations } from '../../src/server/database/migrate.js'

const TEMPLATE = 'template_countersign'

/** A PostgreSQL for one spec file. A database in it is a copy of one that was migrated once: 50 ms instead of seconds. */
export class TestDatabases {
  private count = 0
  private constructor(
    private postgres: EmbeddedPostgres,
    private readonly folder: string,
  ) {}

  static async start(): Promise<TestDatabases> {
    const folder = await mkdtemp(join(tmpdir(), 'cs-database-'))
    const postgres = await EmbeddedPostgres.start({ folder, isDurable: false })
    await runMigrations(await postgres.createDatabase(TEMPLATE))
    return new TestDatabases(postgres, folder)
  }

  /** A database of one's own with all tables and no rows. @returns its URL, as the owner of the tables. */
  create(): Promise<string> {
    this.count += 1
    return this.postgres.createDatabase(`spec_${this.count}`, TEMPLATE)
  }

  /** A database without any table. */
  createEmpty(): Promise<string> {
    this.count += 1
    return this.postgres.createDatabase(`spec_${this.count}`)
  }

  /** Ends every session, and comes back with the same data at the same place. */
  async restart(): Promise<void> {
    const { port } = this.postgres
    await this.postgres.stop()
    this.postgres = await EmbeddedPostgres.start({ folder: this.folder, port, isDurable: false })
  }

  async stop(): Promise<void> {
    await this.postgres.stop()
    await rm(this.folder, { recursive: true })
  }
}
