import { Injectable } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { ServerConfig } from '../server-config.js'
import { TrustedProxies } from '../trusted-proxies.js'
import { isCertified } from './client-certificate.js'
import { findToken, hashTargetToken } from './ddi-secret.js'
import type { DdiCall } from './ddi-call.js'
import type { DdiTarget } from './ddi-target.js'
import { GatewayTokens } from './gateway-tokens.service.js'
import { TargetReader } from './target-reader.service.js'
import { TargetStore } from './target-store.service.js'
import type { Tenant } from './tenants.service.js'

const MAX_CONTROLLER_ID = 256

export type DdiCaller = Pick<DdiCall, 'target' | 'secret'>

/** Which client asks: by its own token, by that of a gateway, or by a certificate that a trusted proxy has looked at. */
@Injectable()
export class DdiAuth {
  readonly proxies: TrustedProxies

  constructor(
    private readonly reader: TargetReader,
    private readonly store: TargetStore,
    private readonly gateways: GatewayTokens,
    private readonly classes: DeviceClasses,
    config: ServerConfig,
  ) {
    this.proxies = new TrustedProxies(config.trustedProxies)
  }

  /**
   * An unknown client and a wrong secret look alike.
   * @throws Refusal `UNAUTHENTICATED`, `REQUEST_INVALID` for an id of more than 256 characters, `ENROLMENT_REFUSED`.
   */
  async requireCaller(tenant: Tenant, controllerId: string, raw: FastifyRequest['raw']): Promise<DdiCaller> {
    if (controllerId.length > MAX_CONTROLLER_ID || controllerId.includes('\0'))
      throw new Refusal('REQUEST_INVALID', {
        field: 'controllerId',
        why: `more than ${MAX_CONTROLLER_ID} characters, or a NUL`,
      })
    const header = raw.headers.authorization
    const own = findToken(header, 'TargetToken')
    if (own !== null) return this.byOwnToken(tenant.namespace, controllerId, own)
    const gateway = findToken(header, 'GatewayToken')
    if (gateway !== null) return { target: await this.byGateway(tenant.namespace, controllerId, gateway), secret: null }
    const { certificateAuthorities } = tenant.settings
    if (this.proxies.isTrusted(raw) && isCertified(raw.headers, controllerId, certificateAuthorities))
      return { target: await this.byCertificate(tenant, controllerId), secret: null }
    throw new Refusal('UNAUTHENTICATED', {})
  }

  private async byOwnToken(namespace: string, controllerId: string, token: string): Promise<DdiCaller> {
    const record = await this.reader.find(namespace, controllerId)
    const hash = hashTargetToken(namespace, controllerId, token)
    if (record === null || !equalBytes(record.credentialSha256, hash)) throw new Refusal('UNAUTHENTICATED', {})
    const { target, credentialSha256, tick } = record
    return { target, secret: { credentialSha256, tick } }
  }

  private async byGateway(namespace: string, controllerId: string, token: string): Promise<DdiTarget> {
    const gateway = await this.gateways.find(namespace, token)
    if (gateway === null) throw new Refusal('UNAUTHENTICATED', {})
    const record = await this.reader.find(namespace, controllerId)
    if (record !== null) return record.target
    const { id, label, classId } = gateway
    if (classId === null) throw new Refusal('UNAUTHENTICATED', {})
    const actor = `gateway ${label}`
    await this.store.enrol({ namespace, controllerId, classId, token: null, actor }, (manager) =>
      this.gateways.spend(manager, id),
    )
    return this.requireKnown(namespace, controllerId)
  }

  private async byCertificate({ namespace, settings }: Tenant, controllerId: string): Promise<DdiTarget> {
    const record = await this.reader.find(namespace, controllerId)
    if (record !== null) return record.target
    if (settings.certificateClass === undefined) throw new Refusal('UNAUTHENTICATED', {})
    const classId = this.classes.requireId(namespace, settings.certificateClass)
    await this.store.enrol({ namespace, controllerId, classId, token: null, actor: 'certificate' })
    return this.requireKnown(namespace, controllerId)
  }

  private async requireKnown(namespace: string, controllerId: string): Promise<DdiTarget> {
    const record = await this.reader.find(namespace, controllerId)
    if (record === null) throw new Refusal('UNAUTHENTICATED', {})
    return record.target
  }
}
