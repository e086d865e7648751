import type { DataSource, QueryRunner } from 'typeorm'

/** Any number, the same in every instance. */
const ENGINE_LOCK = 7_420_002

/**
 * One instance among many: whoever holds a lock of the database. It is given back by letting go or by dying. Two that
 * believe to be elected, for the moment in which a connection is lost, do no harm: every write compares and sets.
 */
export class Election {
  private holder: QueryRunner | undefined

  constructor(private readonly database: DataSource) {}

  /** Whether this instance is elected, now. Costs one query. */
  async isElected(): Promise<boolean> {
    if (this.holder !== undefined) {
      try {
        await this.holder.query('SELECT 1')
        return true
      } catch {
        // The connection is gone, and with it the lock.
        await this.resign()
        return false
      }
    }
    const runner = this.database.createQueryRunner()
    try {
      const [row] = (await runner.query('SELECT pg_try_advisory_lock($1) AS won', [ENGINE_LOCK])) as { won: boolean }[]
      if (row?.won === true) {
        this.holder = runner
        return true
      }
    } finally {
      if (this.holder !== runner) await runner.release()
    }
    return false
  }

  /** Lets another one be elected. */
  async resign(): Promise<void> {
    const holder = this.holder
    this.holder = undefined
    if (holder === undefined) return
    await holder.query('SELECT pg_advisory_unlock($1)', [ENGINE_LOCK]).catch(() => undefined)
    await holder.release().catch(() => undefined)
  }
}
