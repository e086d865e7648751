import { Injectable, type OnModuleDestroy } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { sha256, toHex } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import { Refusal } from '../../../domain/refusal.js'
import type { Caller } from '../../access/caller.decorator.js'
import { AuditService } from '../../audit/audit.service.js'
import { TrustService, type PeopleContext } from '../../keys/trust.service.js'
import { FirmwareStore } from '../../storage/firmware-store.port.js'
import { FirmwareService } from '../firmware.service.js'
import { digestsOf } from '../stream-digests.js'
import type { OtherDigests } from './evidence-kind.js'
import { EvidenceRow } from './evidence.row.js'
import { readEvidence } from './read-evidence.js'
import { requireOther } from './subject-digest.js'

export const MAX_EVIDENCE_BYTES = 4_194_304
/** Approvers read them all. */
const MOST_DOCUMENTS = 32
/** Nobody can take a document away, so nobody may take all the room. */
const MOST_OF_ONE = 12

/** SBOMs, provenance and test reports of firmware: recognised, validated, bound to its digest, and kept as received. */
@Injectable()
export class EvidenceService implements OnModuleDestroy {
  private isStopped = false
  private lastCompared: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly database: DataSource,
    private readonly firmware: FirmwareService,
    private readonly trust: TrustService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly store: FirmwareStore,
  ) {}

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true
    await this.lastCompared
  }

  /**
   * Takes a document in. The same bytes again are the same evidence.
   * @throws Refusal `NOT_FOUND`, `CONFLICT` when there are as many as may be, and of `readEvidence`.
   */
  async add(imageSha256: Uint8Array, document: Uint8Array, caller: Caller): Promise<EvidenceRow> {
    const { namespace } = caller
    await this.firmware.get(namespace, imageSha256)
    let context: PeopleContext | null = null
    const { kind, format, facts, otherDigests, ...read } = await readEvidence(
      document,
      imageSha256,
      async () => (context = await this.trust.peopleContext(namespace)),
    )
    if (otherDigests !== undefined) await this.compareOther(namespace, imageSha256, otherDigests)
    const namesImage = read.namesImage || otherDigests !== undefined
    const policyVersion = (context as PeopleContext | null)?.policy.version ?? null
    const addedAt = this.clock.nowSeconds()
    const addedBy = caller.person ?? caller.label
    const about = { namespace, imageSha256, sha256: sha256(document) }
    const row = { ...about, kind, format, namesImage, facts, policyVersion, document, addedAt, addedBy }
    return this.database.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 5))', [
        `evidence ${namespace} ${toHex(imageSha256)}`,
      ])
      const held = await manager.findOneBy(EvidenceRow, about)
      if (held !== null) return held
      await requireRoom(manager, { namespace, imageSha256, addedBy })
      await manager.createQueryBuilder().insert().into(EvidenceRow).values(row).execute()
      const detail = { sha256: toHex(imageSha256), evidence: toHex(row.sha256), kind, format, token: caller.tokenId }
      await this.audit.record(manager, { namespace, actor: addedBy, event: 'firmware.evidence-added', detail })
      return row
    })
  }

  /** The bytes are read for it, of one firmware at a time. @throws Refusal `EVIDENCE_MISMATCH`, `STORE_CORRUPT`, `FIRMWARE_PRUNED`. */
  private compareOther(namespace: string, imageSha256: Uint8Array, other: OtherDigests): Promise<void> {
    const compared = this.lastCompared.then(async () => {
      await this.firmware.getHeld(namespace, imageSha256)
      const source: AsyncIterable<Uint8Array> = await this.store.read(imageSha256)
      const digests = await digestsOf(source, ['sha256', other.algorithm], () => this.isStopped)
      if (digests === null) throw new Error('the server is being stopped')
      const [expected, found] = [toHex(imageSha256), toHex(digests.sha256)]
      if (expected !== found) throw new Refusal('STORE_CORRUPT', { sha256: expected, found })
      requireOther(other, toHex(digests[other.algorithm]))
    })
    this.lastCompared = compared.catch(() => undefined)
    return compared
  }

  /** Without the documents themselves, the oldest first. */
  ofFirmware(namespace: string, imageSha256: Uint8Array): Promise<EvidenceRow[]> {
    return this.database.getRepository(EvidenceRow).find({
      where: { namespace, imageSha256 },
      order: { addedAt: 'ASC', sha256: 'ASC' },
      take: MOST_DOCUMENTS,
    })
  }

  /** @throws Refusal `NOT_FOUND`. */
  async document(namespace: string, imageSha256: Uint8Array, digest: Uint8Array): Promise<Uint8Array> {
    const row = await this.database
      .getRepository(EvidenceRow)
      .findOne({ where: { namespace, imageSha256, sha256: digest }, select: { document: true } })
    if (row === null) throw new Refusal('NOT_FOUND', { what: 'evidence', id: toHex(digest) })
    return row.document
  }
}

type About = Pick<EvidenceRow, 'namespace' | 'imageSha256' | 'addedBy'>

async function requireRoom(manager: EntityManager, about: About): Promise<void> {
  const { addedBy, ...firmware } = about
  if ((await manager.countBy(EvidenceRow, firmware)) >= MOST_DOCUMENTS)
    throw new Refusal('CONFLICT', { what: 'evidence', why: `a firmware has ${MOST_DOCUMENTS} at most` })
  if ((await manager.countBy(EvidenceRow, { ...firmware, addedBy })) >= MOST_OF_ONE)
    throw new Refusal('CONFLICT', { what: 'evidence', why: `${addedBy} brought ${MOST_OF_ONE}, the most that one may` })
}
