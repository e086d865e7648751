import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { findPath, type PathRelease, type UpdatePath } from '../../domain/rollout/update-path.js'
import { Refusal } from '../../domain/refusal.js'
import { versionToIntegers } from '../../domain/suit/version.js'
import { AuditService } from '../audit/audit.service.js'
import { requireUuid } from '../request-fields.js'

/** From which releases a device may step onto one. `known`: all releases of the class; anything else is unknown. */
export type StepRule =
  | { readonly isRestricted: false }
  | {
      readonly isRestricted: true
      readonly from: readonly Buffer[]
      readonly fromUnknown: boolean
      readonly known: readonly Buffer[]
    }

export interface ReleasePathChange {
  readonly leastVersion?: string | null | undefined
  readonly isSteppingStone?: boolean | undefined
}
export interface ReleasePathView {
  readonly releaseId: string
  readonly version: string
  readonly leastVersion: string | null
  readonly isSteppingStone: boolean
}

interface Row {
  readonly manifest_sha256: Buffer
  readonly version: string
  readonly least_version: string | null
  readonly is_stepping_stone: boolean
}

const pathRelease = (row: Row): PathRelease => ({
  version: row.version,
  leastVersion: row.least_version,
  isSteppingStone: row.is_stepping_stone,
})

/** Ways to a release: what has to run before it, and what nobody may step over. */
@Injectable()
export class ReleasePaths {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditService,
  ) {}

  /** @throws Refusal `NOT_FOUND`, `VERSION_MALFORMED`. */
  async change(namespace: string, id: string, change: ReleasePathChange, actor: string): Promise<ReleasePathView> {
    const { leastVersion, isSteppingStone } = change
    if (typeof leastVersion === 'string') versionToIntegers(leastVersion)
    return this.database.transaction(async (manager) => {
      const [rows] = await manager.query<[Row[], number]>(
        `UPDATE release SET least_version = CASE WHEN $3 THEN $4 ELSE least_version END,
           is_stepping_stone = coalesce($5, is_stepping_stone)
         WHERE namespace = $1 AND id = $2 RETURNING manifest_sha256, version, least_version, is_stepping_stone`,
        [
          namespace,
          requireUuid('release', id),
          leastVersion !== undefined,
          leastVersion ?? null,
          isSteppingStone ?? null,
        ],
      )
      const [row] = rows
      if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'release', id })
      const { least_version: least, is_stepping_stone: isStone, version } = row
      const detail = { release: id, leastVersion: least ?? '', isSteppingStone: isStone }
      await this.audit.record(manager, { namespace, actor, event: 'release.path-changed', detail })
      return { releaseId: id, version, leastVersion: least, isSteppingStone: isStone }
    })
  }

  /** @param manifestSha256 of the release that is to be brought. */
  async stepRule(namespace: string, classId: Buffer, manifestSha256: Buffer): Promise<StepRule> {
    const rows = await this.signed(namespace, classId)
    const paths = pathsTo(rows, manifestSha256)
    if (paths === null) return { isRestricted: false }
    const direct = rows.filter((row) => paths(row.version).kind === 'direct')
    return {
      isRestricted: true,
      from: direct.map((row) => row.manifest_sha256),
      fromUnknown: paths(null).kind === 'direct',
      known: rows.map((row) => row.manifest_sha256),
    }
  }

  /** The way from each of these manifests; null for anything that is no signed release of the class. */
  async waysTo(
    namespace: string,
    classId: Buffer,
    manifestSha256: Buffer,
  ): Promise<(running: Buffer | null) => { version: string | null; path: UpdatePath }> {
    const rows = await this.signed(namespace, classId)
    const paths = pathsTo(rows, manifestSha256)
    return (running) => {
      const version = rows.find((row) => running !== null && row.manifest_sha256.equals(running))?.version ?? null
      return { version, path: paths === null ? { kind: 'direct' } : paths(version) }
    }
  }

  private signed(namespace: string, classId: Buffer): Promise<Row[]> {
    return this.database.query<Row[]>(
      `SELECT manifest_sha256, version, least_version, is_stepping_stone FROM release
       WHERE namespace = $1 AND class_id = $2 AND state = 'signed'`,
      [namespace, classId],
    )
  }
}

/** @returns null when every way is open: nobody asks for a least version and nothing is a stepping stone. */
function pathsTo(rows: readonly Row[], manifestSha256: Buffer): ((running: string | null) => UpdatePath) | null {
  const target = rows.find((row) => row.manifest_sha256.equals(manifestSha256))
  if (target === undefined) return null
  if (target.least_version === null && !rows.some((row) => row.is_stepping_stone)) return null
  const others = rows.filter((row) => row !== target).map(pathRelease)
  return (running) => findPath(pathRelease(target), others, running)
}
