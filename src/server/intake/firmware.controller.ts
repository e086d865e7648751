import type { Readable } from 'node:stream'
import { Controller, Get, HttpCode, Param, Post, Put, Req, Res } from '@nestjs/common'
import { ApiBody, ApiConsumes, ApiHeader, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { toBase64Url, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import type { Findings } from '../../inspect/findings.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { whileMoving } from '../while-moving.js'
import { bytesField, pageQuery, type PageQuery, requireSha256, type Page } from '../request-fields.js'
import { ServerConfig, UPLOAD_STALL_SECONDS } from '../server-config.js'
import { FirmwareAnswer } from '../storage/firmware-answer.service.js'
import { requireDigestFields } from './content-digest.js'
import type { FirmwareRow } from './firmware.row.js'
import { FirmwareService } from './firmware.service.js'
import { OldDigestsService } from './old-digests.service.js'
import { FindingsService } from './inspection/findings.service.js'
import { RetentionService, type PrunedFirmware } from './retention.service.js'
import type { SubmissionRow } from './submission.row.js'
import { SubmissionService } from './submission.service.js'

const MOST_DAYS = 36_500
const pruning = z.strictObject({ unusedDays: z.number().int().min(1).max(MOST_DAYS), isDryRun: z.boolean() })
const newSubmission = z.strictObject({ submission: bytesField(MAX_DOCUMENT_BYTES) })

interface FirmwareView {
  readonly sha256: string
  readonly sizeBytes: number
  readonly uploadedAt: number
  readonly uploadedBy: string
  /** For device protocols that ask for them; null until they are worked out. */
  readonly sha1: string | null
  readonly md5: string | null
  readonly usedAt: number
  /** When its bytes were given up; null while they are here. */
  readonly prunedAt: number | null
}
interface SubmissionView {
  readonly requestId: string
  readonly imageSha256: string
  readonly version: string
  readonly classId: string
  /** Person in the policy. */
  readonly submitter: string
  readonly time: number
  readonly submission: string
}

interface ShownFirmware extends FirmwareView {
  /** What was found inside it; null until somebody has looked. */
  readonly findings: Findings | null
  readonly submissions: readonly SubmissionView[]
}

/** Firmware comes in by its digest, and an engineer signs for it. */
@ApiTags('firmware')
@Controller('api/v1/:product/:environment/firmware')
export class FirmwareController {
  constructor(
    private readonly firmware: FirmwareService,
    private readonly submissions: SubmissionService,
    private readonly retention: RetentionService,
    private readonly oldDigests: OldDigestsService,
    private readonly answer: FirmwareAnswer,
    private readonly findings: FindingsService,
    private readonly config: ServerConfig,
  ) {}

  /** 201 for new bytes, 200 for bytes that were there. */
  @Put(':sha256')
  @Roles('engineer', 'ci')
  @ApiConsumes('application/octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiHeader({ name: 'content-digest', required: false, description: 'RFC 9530, with sha-256; compared with the path' })
  async upload(
    @FromCaller() caller: Caller,
    @Param('sha256') sha256: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FirmwareView> {
    const digest = requireSha256('sha256', sha256)
    requireDigestFields(digest, {
      'content-digest': textOf(request.headers['content-digest']),
      'repr-digest': textOf(request.headers['repr-digest']),
    })
    const body = whileMoving(requireStream(request), this.config.uploadStallSeconds ?? UPLOAD_STALL_SECONDS)
    const isNew = await this.firmware.upload(digest, body, announcedSize(request), caller)
    if (isNew) this.oldDigests.want(digest)
    // The same bytes again replace what may have rotted.
    this.findings.want(caller.namespace, digest)
    void reply.status(isNew ? 201 : 200)
    return viewOf(await this.firmware.get(caller.namespace, digest))
  }

  @Get()
  @Roles(...readers, 'ci')
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<FirmwareView>> {
    return this.firmware.list(caller.namespace, page, viewOf)
  }

  @Get(':sha256')
  @Roles(...readers, 'ci')
  async show(@FromCaller() caller: Caller, @Param('sha256') sha256: string): Promise<ShownFirmware> {
    const row = await this.firmware.get(caller.namespace, requireSha256('sha256', sha256))
    return this.shown(row, await this.findings.find(caller.namespace, row.sha256))
  }

  /** Reads what the store has once more: whoever is about to lean on bytes that came long ago hears that they are still these. */
  @Post(':sha256/inspection')
  @Roles('engineer', 'ci', 'security-officer')
  @HttpCode(200)
  async inspect(@FromCaller() caller: Caller, @Param('sha256') sha256: string): Promise<ShownFirmware> {
    const row = await this.firmware.getHeld(caller.namespace, requireSha256('sha256', sha256))
    return this.shown(row, await this.findings.again(caller.namespace, row.sha256))
  }

  /** The bytes, for approvers who hash them on their own machine. */
  @Get(':sha256/content')
  @Roles(...readers)
  @ApiHeader({ name: 'range', required: false })
  async content(
    @FromCaller() caller: Caller,
    @Param('sha256') sha256: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const row = await this.firmware.getHeld(caller.namespace, requireSha256('sha256', sha256))
    await this.answer.send(request, reply, row.sha256)
  }

  /** Gives up firmware that no release needs and nobody used for so long; a dry run only says which. */
  @Post('prune')
  @Roles('security-officer')
  @HttpCode(200)
  async prune(
    @FromCaller() caller: Caller,
    @ZodBody(pruning) body: z.infer<typeof pruning>,
  ): Promise<{ readonly isDryRun: boolean; readonly items: readonly PrunedFirmware[] }> {
    const { isDryRun, unusedDays } = body
    const seconds = unusedDays * 86_400
    const items = isDryRun
      ? await this.retention.preview(caller.namespace, seconds)
      : await this.retention.prune(seconds, caller)
    return { isDryRun, items }
  }

  @Post(':sha256/submissions')
  @Roles('engineer')
  async submit(
    @FromCaller() caller: Caller,
    @Param('sha256') sha256: string,
    @ZodBody(newSubmission) body: z.infer<typeof newSubmission>,
  ): Promise<SubmissionView> {
    return submissionView(await this.submissions.submit(requireSha256('sha256', sha256), body.submission, caller))
  }

  private async shown(row: FirmwareRow, findings: Findings | null): Promise<ShownFirmware> {
    const submissions = await this.submissions.ofFirmware(row.namespace, row.sha256)
    return { ...viewOf(row), findings, submissions: submissions.map(submissionView) }
  }
}

function requireStream(request: FastifyRequest): Readable {
  if (request.headers['content-type'] !== 'application/octet-stream')
    throw new Refusal('REQUEST_INVALID', { field: 'content-type', why: 'not application/octet-stream' })
  // Its digest and length are of the bytes themselves.
  if (request.headers['content-encoding'] !== undefined)
    throw new Refusal('REQUEST_INVALID', { field: 'content-encoding', why: 'firmware is sent as it is' })
  return request.body as Readable
}

/** Needed before the first byte, so that what is too large is refused without reading it. */
function announcedSize(request: FastifyRequest): number {
  const header = request.headers['content-length'] ?? ''
  if (!/^[1-9]\d{0,14}$/.test(header))
    throw new Refusal('REQUEST_INVALID', { field: 'content-length', why: 'missing or not positive' })
  return Number(header)
}

/** A field that came twice is one list (RFC 9110 §5.3). */
const textOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(',') : value

const viewOf = (row: FirmwareRow): FirmwareView => ({
  sha256: toHex(row.sha256),
  sizeBytes: row.sizeBytes,
  uploadedAt: row.uploadedAt,
  uploadedBy: row.uploadedBy,
  sha1: row.sha1 === null ? null : toHex(row.sha1),
  md5: row.md5 === null ? null : toHex(row.md5),
  usedAt: row.usedAt,
  prunedAt: row.prunedAt,
})

const submissionView = (row: SubmissionRow): SubmissionView => ({
  requestId: row.requestId,
  imageSha256: toHex(row.imageSha256),
  version: row.version,
  classId: toHex(row.classId),
  submitter: row.person,
  time: row.signedAt,
  submission: toBase64Url(row.document),
})
