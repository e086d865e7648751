import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import type { Freshness } from '../../domain/trust/freshness.js'
import { ServerClock } from '../clock/server-clock.port.js'
import type { StoredDocument, StoredFreshness, StoredTrust } from './trust-snapshot.js'

export type TrustKind = 'root' | 'policy' | 'krl'

interface DocumentRow {
  readonly kind: TrustKind
  readonly version: number
  readonly document: Uint8Array
  readonly stored_ms: number
}
interface FreshnessRow {
  readonly document: Uint8Array
  readonly time: number
  readonly krl_number: number
  readonly root_version: number
}

/** Trust documents in the database: as received, only ever added to. */
@Injectable()
export class TrustStore {
  constructor(
    private readonly database: DataSource,
    private readonly clock: ServerClock,
  ) {}

  /** All roots, the newest policy, KRL and freshness statement of a namespace. */
  async read(namespace: string): Promise<StoredTrust> {
    const rows = await this.database.query<DocumentRow[]>(
      `SELECT kind, version, document, stored_ms FROM trust_document d WHERE namespace = $1
        AND (kind = 'root' OR version = (SELECT max(version) FROM trust_document WHERE namespace = $1 AND kind = d.kind))
        ORDER BY kind, version`,
      [namespace],
    )
    const of = (kind: TrustKind): StoredDocument[] => rows.filter((row) => row.kind === kind).map(documentOf)
    return {
      roots: of('root'),
      policy: of('policy').at(-1) ?? null,
      newestKrl: of('krl').at(-1) ?? null,
      freshness: await this.findFreshness(namespace),
    }
  }

  /** Adds a document. @returns false when one of that kind and version is stored already; it stays. */
  async add(
    manager: EntityManager,
    namespace: string,
    kind: TrustKind,
    version: number,
    document: Uint8Array,
  ): Promise<boolean> {
    const added = await manager.query<unknown[]>(
      `INSERT INTO trust_document (namespace, kind, version, document, stored_ms) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING RETURNING version`,
      [namespace, kind, version, document, this.clock.nowMs()],
    )
    return added.length === 1
  }

  /** Keeps the newest statement: of two instances that asked at once the later one stays. */
  async storeFreshness(namespace: string, document: Uint8Array, content: Freshness): Promise<void> {
    await this.database.query(
      `INSERT INTO freshness_statement AS held (namespace, document, time, krl_number, root_version)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (namespace) DO UPDATE SET document = excluded.document, time = excluded.time,
          krl_number = excluded.krl_number, root_version = excluded.root_version
        WHERE (excluded.root_version, excluded.krl_number, excluded.time) >= (held.root_version, held.krl_number, held.time)`,
      [namespace, document, content.time, content.krlNumber, content.rootVersion],
    )
  }

  private async findFreshness(namespace: string): Promise<StoredFreshness | null> {
    const [row] = await this.database.query<FreshnessRow[]>(
      'SELECT document, time, krl_number, root_version FROM freshness_statement WHERE namespace = $1',
      [namespace],
    )
    if (row === undefined) return null
    return { document: row.document, time: row.time, krlNumber: row.krl_number, rootVersion: row.root_version }
  }
}

const documentOf = (row: DocumentRow): StoredDocument => ({
  version: row.version,
  document: row.document,
  storedMs: row.stored_ms,
})
