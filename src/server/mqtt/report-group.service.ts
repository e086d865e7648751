import { randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'

/** The name under which all instances share reports at the broker: a secret of theirs, drawn by the first that needs it. */
@Injectable()
export class ReportGroup {
  constructor(private readonly database: DataSource) {}

  async name(): Promise<string> {
    const drawn = randomBytes(16).toString('base64url')
    // One write decides a race (I-7): of two instances that start at once both take the name that is there.
    await this.database.query('INSERT INTO report_group (name) VALUES ($1) ON CONFLICT DO NOTHING', [drawn])
    const [row] = await this.database.query<[{ name: string }]>('SELECT name FROM report_group')
    return row.name
  }
}
