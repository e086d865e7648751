import { Controller, Delete, Get, Head, HttpCode, Param, Patch, Post, Req, Res } from '@nestjs/common'
import { ApiHeader, ApiTags } from '@nestjs/swagger'
import type { Lock } from '@tus/utils'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { FromCaller, type Caller } from '../../access/caller.decorator.js'
import { Roles } from '../../access/roles.decorator.js'
import { ProblemAnswers } from '../../http/problem-answers.service.js'
import { whileMoving } from '../../while-moving.js'
import { ZodQuery } from '../../http/zod-body.decorator.js'
import { requireSha256, requireUuid, type Page } from '../../request-fields.js'
import { ServerConfig, UPLOAD_STALL_SECONDS } from '../../server-config.js'
import { FindingsService } from '../inspection/findings.service.js'
import { OldDigestsService } from '../old-digests.service.js'
import { TusProblemServer } from './tus-problem-server.js'
import { TusUploadStore } from './tus-upload-store.js'
import { UploadLeases } from './upload-lease.service.js'
import { readAnnouncement } from './upload-metadata.js'
import { uploadView, UploadService, type OpenUpload } from './uploads.service.js'

/** A request that hangs on to an upload which another one wants has so long to leave. */
const DRAIN_MS = 200

const uploadQuery = z.object({ sha256: z.string().optional(), of: z.enum(['me', 'all']).default('me') })
type UploadView = ReturnType<typeof uploadView>
const tusVersion = ApiHeader({ name: 'tus-resumable', schema: { type: 'string', enum: ['1.0.0'] } })

/** Uploads that survive a cut connection and a restarted server, by the tus protocol 1.0 (https://tus.io). */
@ApiTags('firmware')
@Controller('api/v1/:product/:environment/uploads')
@Roles('engineer', 'ci')
export class UploadsController {
  constructor(
    private readonly uploads: UploadService,
    private readonly leases: UploadLeases,
    private readonly oldDigests: OldDigestsService,
    private readonly findings: FindingsService,
    private readonly problems: ProblemAnswers,
    private readonly config: ServerConfig,
  ) {}

  /** What the caller began and did not finish: whoever was cut off finds here where to go on. Of all: for whoever may cancel it. */
  @Get()
  @Roles('engineer', 'ci', 'security-officer')
  async list(
    @FromCaller() caller: Caller,
    @ZodQuery(uploadQuery) query: z.infer<typeof uploadQuery>,
  ): Promise<Page<UploadView>> {
    const digest = query.sha256 === undefined ? null : requireSha256('sha256', query.sha256)
    return { items: (await this.uploads.list(digest, caller, query.of)).map(uploadView), next: null }
  }

  @Post()
  @tusVersion
  @ApiHeader({ name: 'upload-length', description: 'bytes in all' })
  @ApiHeader({ name: 'upload-metadata', description: '"sha256 " and the digest in hex, in base64' })
  create(@FromCaller() caller: Caller, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.speakTus(caller, request, reply)
  }

  @Head(':id')
  @tusVersion
  offset(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.speakTus(caller, request, reply, id)
  }

  /** The bytes from an offset on, as `application/offset+octet-stream`. With the last of them it is firmware. */
  @Patch(':id')
  @tusVersion
  @ApiHeader({ name: 'upload-offset', description: 'bytes that are here' })
  @HttpCode(204)
  append(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.speakTus(caller, request, reply, id)
  }

  /** Its owner, an engineer, or a security officer gives it up. */
  @Delete(':id')
  @Roles('engineer', 'ci', 'security-officer')
  @tusVersion
  @HttpCode(204)
  cancel(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.speakTus(caller, request, reply, id)
  }

  private async speakTus(caller: Caller, request: FastifyRequest, reply: FastifyReply, id?: string): Promise<void> {
    if (id !== undefined) requireUuid('upload', id)
    const server = this.serverFor(caller, request)
    const answer = await server.handleWeb(headOf(request))
    const body = await answer.text()
    void reply.status(answer.status).headers(Object.fromEntries(answer.headers))
    await (body === '' ? reply.send() : reply.send(body))
  }

  private serverFor(caller: Caller, request: FastifyRequest): TusProblemServer {
    const body = whileMoving(request.raw, this.config.uploadStallSeconds ?? UPLOAD_STALL_SECONDS)
    return new TusProblemServer({
      path: `/api/v1/${caller.namespace}/uploads`,
      relativeLocation: true,
      // Browsers of other sites have no business here.
      allowedOrigins: [],
      datastore: new TusUploadStore(this.uploads, caller, this.config.uploadLifeSeconds, body, async (open) => {
        // All its bytes are here and it is no firmware: its last step failed, or was cut off. Whoever hears this offset takes it for done.
        if (request.method === 'HEAD' && open.receivedBytes === open.row.sizeBytes) await this.finish(open, caller)
      }),
      locker: { newLock: (id) => this.lockFor(id, request) },
      lockDrainTimeout: DRAIN_MS,
      maxSize: this.config.maxUploadBytes,
      namingFunction: (asked, metadata) => {
        const { sha256, sizeBytes } = readAnnouncement(asked.headers.get('upload-length'), metadata)
        return this.uploads.begin(sha256, sizeBytes, caller)
      },
      onUploadFinish: async (_, upload) => {
        await this.finish(await this.uploads.get(upload.id, caller), caller)
        return {}
      },
      onResponseError: (_, error) => {
        // What the protocol itself refuses has its status and words already.
        if (!(error instanceof Error)) return undefined
        const problem = this.problems.of(error, request.id)
        return { status_code: problem.status, body: JSON.stringify(problem) }
      },
    })
  }

  private async finish(open: OpenUpload, caller: Caller): Promise<void> {
    await this.uploads.finish(open, caller)
    this.oldDigests.want(open.row.sha256)
    this.findings.want(caller.namespace, open.row.sha256)
  }

  /** Whoever holds the upload and is asked to let go breaks off its own request: what came stays. */
  private lockFor(id: string, request: FastifyRequest): Lock {
    const lock = this.leases.newLock(id)
    const letGo = (release: () => void | Promise<void>): void | Promise<void> => {
      request.raw.destroy()
      return release()
    }
    const hasBody = request.method === 'PATCH' || request.method === 'POST'
    return {
      lock: (signal, release) => lock.lock(signal, hasBody ? () => letGo(release) : release),
      unlock: () => lock.unlock(),
    }
  }
}

/**
 * The request as the protocol reads it, without its body: that goes from the connection to the store, and not by way of the web's
 * streams, which cost half the speed.
 */
function headOf({ method, url, headers }: FastifyRequest): Request {
  const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return new Request(new URL(url, 'http://server'), { method, headers: pairs })
}
