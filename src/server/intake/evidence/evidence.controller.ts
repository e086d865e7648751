import type { Readable } from 'node:stream'
import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { toHex } from '../../../domain/bytes.js'
import { Refusal } from '../../../domain/refusal.js'
import { FromCaller, type Caller } from '../../access/caller.decorator.js'
import { readers, Roles } from '../../access/roles.decorator.js'
import { whileMoving } from '../../while-moving.js'
import { UPLOAD_STALL_SECONDS } from '../../server-config.js'
import { requireSha256, type Page } from '../../request-fields.js'
import type { EvidenceRow } from './evidence.row.js'
import { EvidenceService, MAX_EVIDENCE_BYTES } from './evidence.service.js'
import type { EvidenceFacts, EvidenceKind } from './evidence-kind.js'

interface EvidenceView {
  /** SHA-256 of the document. */
  readonly id: string
  readonly kind: EvidenceKind
  readonly format: string
  readonly namesImage: boolean
  readonly facts: EvidenceFacts
  readonly policyVersion: number | null
  readonly addedAt: number
  readonly addedBy: string
}

/** What speaks for a firmware, for approvers to read: SBOMs, provenance, test reports. */
@ApiTags('firmware')
@Controller('api/v1/:product/:environment/firmware/:sha256/evidence')
export class EvidenceController {
  constructor(private readonly evidence: EvidenceService) {}

  /** A document as it is; what it is, its content says. */
  @Post()
  @Roles('engineer', 'ci')
  @ApiConsumes('application/octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  async add(
    @FromCaller() caller: Caller,
    @Param('sha256') sha256: string,
    @Req() request: FastifyRequest,
  ): Promise<EvidenceView> {
    const image = requireSha256('sha256', sha256)
    return viewOf(await this.evidence.add(image, await readDocument(request), caller))
  }

  @Get()
  @Roles(...readers, 'ci')
  async list(@FromCaller() caller: Caller, @Param('sha256') sha256: string): Promise<Page<EvidenceView>> {
    const rows = await this.evidence.ofFirmware(caller.namespace, requireSha256('sha256', sha256))
    return { items: rows.map(viewOf), next: null }
  }

  @Get(':id')
  @Roles(...readers, 'ci')
  async document(
    @FromCaller() caller: Caller,
    @Param('sha256') sha256: string,
    @Param('id') id: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const image = requireSha256('sha256', sha256)
    const bytes = await this.evidence.document(caller.namespace, image, requireSha256('id', id))
    // Never as what it says it is: a browser has nothing to run here.
    await reply.type('application/octet-stream').header('x-content-type-options', 'nosniff').send(Buffer.from(bytes))
  }
}

async function readDocument(request: FastifyRequest): Promise<Uint8Array> {
  if (request.headers['content-type'] !== 'application/octet-stream')
    throw new Refusal('REQUEST_INVALID', { field: 'content-type', why: 'not application/octet-stream' })
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of whileMoving(request.body as Readable, UPLOAD_STALL_SECONDS)) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_EVIDENCE_BYTES) throw new Refusal('BODY_TOO_LARGE', { limitBytes: MAX_EVIDENCE_BYTES })
    chunks.push(chunk)
  }
  if (sizeBytes === 0) throw new Refusal('REQUEST_INVALID', { field: 'body', why: 'empty' })
  return new Uint8Array(Buffer.concat(chunks))
}

const viewOf = (row: EvidenceRow): EvidenceView => ({
  id: toHex(row.sha256),
  kind: row.kind,
  format: row.format,
  namesImage: row.namesImage,
  facts: row.facts,
  policyVersion: row.policyVersion,
  addedAt: row.addedAt,
  addedBy: row.addedBy,
})
