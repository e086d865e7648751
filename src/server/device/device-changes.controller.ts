import { Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { encodeNonceAnswer, encodeReportAnswer } from '../../protocol/device-http.js'
import { NoToken } from '../access/roles.decorator.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { DeviceAuth } from './device-auth.service.js'
import { DeviceChanges } from './device-changes.service.js'
import { readNumber, requireDocument, sendCbor, type DeviceRequest } from './device-request.js'
import type { DeviceName } from './report-check.js'

/** A class and not an interface: the framework reads its name at run time. */
class DevicePath {
  readonly product!: string
  readonly environment!: string
  readonly id!: string
}

/** What a device calls that lost its counters or has made itself another key. */
@ApiExcludeController()
@Controller('device/v1/:product/:environment/:id')
@NoToken()
export class DeviceChangesController {
  constructor(
    private readonly classes: DeviceClasses,
    private readonly auth: DeviceAuth,
    private readonly changes: DeviceChanges,
  ) {}

  @Post('nonce')
  @HttpCode(200)
  async nonce(@Param() path: DevicePath, @Req() request: DeviceRequest, @Res() reply: FastifyReply): Promise<void> {
    const device = await this.requireDevice(path, request)
    const answer = await this.changes.giveNonce(device, readNumber(request, 'epoch'))
    await sendCbor(reply, encodeNonceAnswer(answer), 'no-store')
  }

  @Post('epoch')
  @HttpCode(200)
  async epoch(@Param() path: DevicePath, @Req() request: DeviceRequest, @Res() reply: FastifyReply): Promise<void> {
    const device = await this.requireDevice(path, request)
    const epoch = await this.changes.beginEpoch(device, requireDocument(request))
    await sendCbor(reply, encodeReportAnswer({ epoch, counter: 0 }), 'no-store')
  }

  @Post('key')
  @HttpCode(204)
  async key(@Param() path: DevicePath, @Req() request: DeviceRequest, @Res() reply: FastifyReply): Promise<void> {
    const device = await this.requireDevice(path, request)
    await this.changes.changeKey(device, requireDocument(request))
    await reply.status(204).send()
  }

  private async requireDevice(
    { product, environment, id: deviceId }: DevicePath,
    request: DeviceRequest,
  ): Promise<DeviceName> {
    const namespace = this.classes.requireNamespace(product, environment)
    await this.auth.requireSelf(namespace, deviceId, request)
    return { namespace, deviceId }
  }
}
