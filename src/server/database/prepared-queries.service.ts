import { Injectable } from '@nestjs/common'
import type pg from 'pg'
import { DataSource } from 'typeorm'

/**
 * Queries that the database plans once for each connection instead of each time: for those that are asked thousands of times a second,
 * planning costs more than answering. Over the one pool, outside of transactions.
 */
@Injectable()
export class PreparedQueries {
  constructor(private readonly database: DataSource) {}

  /** @param name of this very text, in the whole program. */
  async query<T extends pg.QueryResultRow>(name: string, text: string, values: readonly unknown[]): Promise<T[]> {
    // TypeORM has no way to name a statement; its pool is pg's.
    const { master } = this.database.driver as unknown as { readonly master: pg.Pool }
    return (await master.query<T>({ name, text, values: [...values] })).rows
  }
}
