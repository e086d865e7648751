import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { findHex, sha256, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { CLAIM_SCHEME, encodeEnrolAnswer, encodeReportAnswer } from '../../protocol/device-http.js'
import { NoToken } from '../access/roles.decorator.js'
import { TrustService } from '../keys/trust.service.js'
import { requireSha256 } from '../request-fields.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { ReleaseShelf } from '../rollout/release-shelf.service.js'
import { FirmwareAnswer } from '../storage/firmware-answer.service.js'
import { DeviceAuth } from './device-auth.service.js'
import { readNumber, requireDocument, sendCbor, type DeviceRequest } from './device-request.js'
import { findSecret } from './device-secret.js'
import { EnrolmentService } from './enrolment.service.js'
import { IdlePolls } from '../polling/idle-polls.service.js'
import { PollGate } from '../polling/poll-gate.service.js'
import { PollService } from './poll.service.js'
import { ReportInbox } from './report-inbox.service.js'

/** What devices call. Documents in answers are signed; the way they come is believed by nobody. */
@ApiExcludeController()
@Controller('device/v1/:product/:environment')
@NoToken()
export class DeviceFrontController {
  constructor(
    private readonly classes: DeviceClasses,
    private readonly enrolment: EnrolmentService,
    private readonly polls: PollService,
    private readonly idle: IdlePolls,
    private readonly gate: PollGate,
    private readonly inbox: ReportInbox,
    private readonly auth: DeviceAuth,
    private readonly trust: TrustService,
    private readonly releases: ReleaseShelf,
    private readonly firmware: FirmwareAnswer,
  ) {}

  @Post('enrol')
  @HttpCode(200)
  async enrol(
    @Param('product') product: string,
    @Param('environment') environment: string,
    @Req() request: DeviceRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const namespace = this.classes.requireNamespace(product, environment)
    const { authorization } = request.headers
    const claim = findSecret(authorization, CLAIM_SCHEME)
    // Whoever shows a token that is none does not get in by the other way.
    if (authorization !== undefined && claim === null) throw new Refusal('UNAUTHENTICATED', {})
    const answer = await this.enrolment.enrol(namespace, requireDocument(request), claim)
    await sendCbor(reply, encodeEnrolAnswer(answer), 'no-store')
  }

  @Get(':id/update')
  async poll(
    @Param('product') product: string,
    @Param('environment') environment: string,
    @Param('id') deviceId: string,
    @Req() request: DeviceRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.gate.enter(reply)
    const namespace = this.classes.requireNamespace(product, environment)
    const { etag, body, idle } = await this.polls.poll({
      namespace,
      deviceId,
      proof: await this.auth.proofOf(namespace, request),
      rootVersion: readNumber(request, 'root'),
      krlNumber: readNumber(request, 'krl'),
      nonce: readNonce(request),
      ifNoneMatch: request.headers['if-none-match'] ?? null,
    })
    if (idle !== null) this.idle.keep(request.raw, idle)
    if (etag !== null) void reply.header('etag', etag)
    if (body === null) await reply.status(304).send()
    else await sendCbor(reply, body, etag === null ? 'no-store' : 'private, no-cache')
  }

  @Get('root/:version')
  async root(
    @Param('product') product: string,
    @Param('environment') environment: string,
    @Param('version') version: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { roots } = await this.trust.snapshot(this.classes.requireNamespace(product, environment))
    const root = roots.find((row) => String(row.version) === version)
    if (root === undefined) throw new Refusal('NOT_FOUND', { what: 'root', id: version.slice(0, 16) })
    await sendCbor(reply, root.document, 'public, max-age=31536000, immutable')
  }

  @Get('krl')
  async krl(
    @Param('product') product: string,
    @Param('environment') environment: string,
    @Req() request: DeviceRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { krl } = await this.trust.snapshot(this.classes.requireNamespace(product, environment))
    if (krl === null) throw new Refusal('NOT_FOUND', { what: 'krl', id: '' })
    const etag = `"${toHex(sha256(krl.document))}"`
    void reply.header('etag', etag)
    if (request.headers['if-none-match'] === etag) await reply.status(304).send()
    else await sendCbor(reply, krl.document, 'public, no-cache')
  }

  @Get('payload/:sha256')
  async payload(
    @Param('product') product: string,
    @Param('environment') environment: string,
    @Param('sha256') digest: string,
    @Req() request: DeviceRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const namespace = this.classes.requireNamespace(product, environment)
    await this.auth.requireDevice(namespace, request)
    const image = requireSha256('sha256', digest)
    // What was uploaded and never signed is not for devices, and not for them to know of.
    if (!(await this.releases.isImageReleased(namespace, image)))
      throw new Refusal('NOT_FOUND', { what: 'payload', id: digest })
    await this.firmware.sendOrRedirect(request, reply, image)
  }

  @Post(':id/report')
  @HttpCode(200)
  async report(
    @Param('product') product: string,
    @Param('environment') environment: string,
    @Param('id') deviceId: string,
    @Req() request: DeviceRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const namespace = this.classes.requireNamespace(product, environment)
    await this.auth.requireSelf(namespace, deviceId, request)
    const ack = await this.inbox.take(requireDocument(request), { namespace, deviceId })
    await sendCbor(reply, encodeReportAnswer(ack), 'no-store')
  }
}

function readNonce(request: DeviceRequest): Uint8Array | null {
  const value = request.query['nonce']
  if (value === undefined) return null
  const nonce = typeof value === 'string' ? findHex(value) : null
  if (nonce === null || nonce.length < 16 || nonce.length > 32)
    throw new Refusal('REQUEST_INVALID', { field: 'nonce', why: 'not 16 to 32 bytes in hex' })
  return nonce
}
