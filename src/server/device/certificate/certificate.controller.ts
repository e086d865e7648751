import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common'
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { encodeCertificateAnswer } from '../../../protocol/device-http.js'
import { FromCaller, type Caller } from '../../access/caller.decorator.js'
import { NoToken, readers, Roles } from '../../access/roles.decorator.js'
import { DeviceClasses } from '../../rollout/device-classes.service.js'
import { DeviceAuth } from '../device-auth.service.js'
import { requireDocument, sendCbor, type DeviceRequest } from '../device-request.js'
import { CertificateDesk } from './certificate-desk.service.js'
import { DeviceAuthorities, type AuthorityView } from './device-authorities.service.js'

/** A class and not an interface: the framework reads its name at run time. */
class DevicePath {
  readonly product!: string
  readonly environment!: string
  readonly id!: string
}

/** Certificates: devices ask for theirs, operators for those of the authorities. */
@ApiTags('devices')
@Controller()
export class CertificateController {
  constructor(
    private readonly classes: DeviceClasses,
    private readonly auth: DeviceAuth,
    private readonly desk: CertificateDesk,
    private readonly authorities: DeviceAuthorities,
  ) {}

  @Post('device/v1/:product/:environment/:id/certificate')
  @NoToken()
  @HttpCode(200)
  @ApiExcludeEndpoint()
  async issue(@Param() path: DevicePath, @Req() request: DeviceRequest, @Res() reply: FastifyReply): Promise<void> {
    const namespace = this.classes.requireNamespace(path.product, path.environment)
    await this.auth.requireSelf(namespace, path.id, request)
    const answer = await this.desk.issue({ namespace, deviceId: path.id }, requireDocument(request))
    await sendCbor(reply, encodeCertificateAnswer(answer), 'no-store')
  }

  /** PEM, for the `cafile` of a broker and the client CA of a proxy. */
  @Get('api/v1/:product/:environment/device-authorities')
  @Roles(...readers)
  async list(@FromCaller() caller: Caller): Promise<{ items: readonly AuthorityView[] }> {
    return { items: await this.authorities.list(caller.namespace) }
  }
}
