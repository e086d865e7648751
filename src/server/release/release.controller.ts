import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { toHex } from '../../domain/bytes.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import type { Findings } from '../../inspect/findings.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { FindingsService } from '../intake/inspection/findings.service.js'
import { TrustService } from '../keys/trust.service.js'
import { classNamesOf } from '../namespace-config.js'
import { bytesField, pageQuery, type PageQuery, type Page } from '../request-fields.js'
import { ReleaseService, type Release } from './release.service.js'
import { viewOf, type ReleaseView } from './release-view.js'

const newRelease = z.strictObject({
  requestId: z.string().min(1).max(64),
  description: z.string().min(1).max(4_096).optional(),
  fallbackRequestId: z.string().min(1).max(64).optional(),
})
const newApproval = z.strictObject({
  approval: bytesField(MAX_DOCUMENT_BYTES),
  fallbackApproval: bytesField(MAX_DOCUMENT_BYTES).optional(),
})
const newRejection = z.strictObject({ reason: z.string().min(1).max(1_024) })

interface ShownRelease extends ReleaseView {
  /** What the server found inside the image; null where it has not looked. */
  readonly findings: Findings | null
}

/** Releases, from what was submitted to what is signed. */
@ApiTags('releases')
@Controller('api/v1/:product/:environment/releases')
export class ReleaseController {
  constructor(
    private readonly releases: ReleaseService,
    private readonly trust: TrustService,
    private readonly findings: FindingsService,
  ) {}

  @Post()
  @Roles('engineer', 'ci')
  async create(
    @FromCaller() caller: Caller,
    @ZodBody(newRelease) body: z.infer<typeof newRelease>,
  ): Promise<ReleaseView> {
    const { requestId, description = null, fallbackRequestId = null } = body
    return this.view(await this.releases.create({ requestId, description, fallbackRequestId }, caller))
  }

  @Get()
  @Roles(...readers, 'ci')
  list(@FromCaller() caller: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<ReleaseView>> {
    return this.releases.list(caller.namespace, page, (release) => this.view(release))
  }

  @Get(':id')
  @Roles(...readers, 'ci')
  async show(@FromCaller() caller: Caller, @Param('id') id: string): Promise<ShownRelease> {
    const release = await this.releases.show(caller.namespace, id)
    const findings = await this.findings.find(caller.namespace, release.row.imageSha256)
    return { ...this.view(release), findings }
  }

  @Post(':id/approvals')
  @Roles('approver')
  @HttpCode(200)
  async approve(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodBody(newApproval) body: z.infer<typeof newApproval>,
  ): Promise<ReleaseView> {
    const { approval, fallbackApproval = null } = body
    return this.view(await this.releases.approve(id, { approval, fallbackApproval }, caller))
  }

  @Post(':id/rejection')
  @Roles('approver')
  @HttpCode(200)
  async reject(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodBody(newRejection) body: z.infer<typeof newRejection>,
  ): Promise<ReleaseView> {
    return this.view(await this.releases.reject(id, body.reason, caller))
  }

  @Post(':id/renew')
  @Roles('engineer', 'ci')
  @HttpCode(200)
  async renew(@FromCaller() caller: Caller, @Param('id') id: string): Promise<ReleaseView> {
    return this.view(await this.releases.renew(id, caller))
  }

  private view(release: Release): ReleaseView {
    const names = classNamesOf(this.trust.requireNamespace(release.row.namespace))
    return viewOf(release, names.get(toHex(release.row.classId)) ?? null)
  }
}
