import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { toBase64Url, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_DOCUMENT_BYTES, MAX_KRL_BYTES } from '../../domain/trust/labels.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { bytesField, pageQuery, type PageQuery, type Page } from '../request-fields.js'
import { KrlAcknowledgementService, type KrlAcknowledgements } from './krl-acknowledgement.service.js'
import { KrlRequestService, type KrlRequest } from './krl-request.service.js'
import type { SignerNo } from '../signer-no.js'
import type { KrlRequestState } from './krl-request.row.js'

const newKrl = z.strictObject({
  krl: bytesField(MAX_KRL_BYTES),
  /** Of a request that was approved before it came here. */
  requestId: z.uuid().toLowerCase().optional(),
})
const newApproval = z.strictObject({ approval: bytesField(MAX_DOCUMENT_BYTES) })

interface ApprovalView {
  readonly person: string
  readonly role: string
  readonly keyId: string
  readonly time: number
  readonly approval: string
}
interface KrlRequestView {
  readonly id: string
  readonly requestId: string
  readonly number: number
  readonly krl: string
  readonly subjectSha256: string
  readonly approvals: readonly ApprovalView[]
  readonly state: KrlRequestState
  readonly lastRefusal: SignerNo | null
  readonly timesMs: {
    readonly requested: number
    readonly quorum: number | null
    readonly signed: number | null
    readonly published: number | null
  }
}

/** Revocation: a KRL is proposed, approved by persons, signed and published; then devices acknowledge it. */
@ApiTags('trust')
@Controller('api/v1/:product/:environment')
export class KrlController {
  constructor(
    private readonly requests: KrlRequestService,
    private readonly acknowledgements: KrlAcknowledgementService,
  ) {}

  @Post('krl-requests')
  @Roles('security-officer')
  async create(@FromCaller() caller: Caller, @ZodBody(newKrl) body: z.infer<typeof newKrl>): Promise<KrlRequestView> {
    return viewOf(await this.requests.create(body.krl, caller, body.requestId))
  }

  @Get('krl-requests')
  @Roles(...readers)
  async list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<KrlRequestView>> {
    return this.requests.list(caller.namespace, page, viewOf)
  }

  @Get('krl-requests/:id')
  @Roles(...readers)
  async show(@FromCaller() caller: Caller, @Param('id') id: string): Promise<KrlRequestView> {
    return viewOf(await this.requests.show(caller.namespace, id))
  }

  @Post('krl-requests/:id/approvals')
  @Roles('security-officer', 'approver')
  @HttpCode(200)
  async approve(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodBody(newApproval) body: z.infer<typeof newApproval>,
  ): Promise<KrlRequestView> {
    return viewOf(await this.requests.approve(id, body.approval, caller))
  }

  @Get('krl-acknowledgements/:number')
  @Roles(...readers)
  acknowledged(@FromCaller() caller: Caller, @Param('number') number: string): Promise<KrlAcknowledgements> {
    if (!/^[1-9]\d{0,14}$/.test(number)) throw new Refusal('NOT_FOUND', { what: 'krl', id: number.slice(0, 64) })
    return this.acknowledgements.count(caller.namespace, Number(number))
  }
}

const viewOf = ({ row, approvals }: KrlRequest): KrlRequestView => ({
  id: row.id,
  requestId: row.id,
  number: row.number,
  krl: toBase64Url(row.payload),
  subjectSha256: toHex(row.subjectSha256),
  approvals: approvals.map((each) => ({
    person: each.person,
    role: each.role,
    keyId: toHex(each.keyId),
    time: each.receivedAt,
    approval: toBase64Url(each.document),
  })),
  state: row.state,
  lastRefusal: row.lastRefusal,
  timesMs: { requested: row.requestedMs, quorum: row.quorumMs, signed: row.signedMs, published: row.publishedMs },
})
