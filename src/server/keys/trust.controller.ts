import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { toBase64Url } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { keyStandings, type KeyStanding } from '../../domain/trust/key-standing.js'
import { MAX_DOCUMENT_BYTES, MAX_KRL_BYTES } from '../../domain/trust/labels.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { NoToken, readers, Roles } from '../access/roles.decorator.js'
import { ZodBody } from '../http/zod-body.decorator.js'
import { bytesField } from '../request-fields.js'
import { TrustIntake } from './trust-intake.service.js'
import { TrustService } from './trust.service.js'

const newRoot = z.strictObject({ root: bytesField(MAX_DOCUMENT_BYTES) })
const newPolicy = z.strictObject({ policy: bytesField(MAX_DOCUMENT_BYTES) })
const newKrl = z.strictObject({ krl: bytesField(MAX_KRL_BYTES) })

interface TrustView {
  readonly roots: readonly string[]
  readonly policy: string | null
  readonly krl: string | null
  readonly freshness: string | null
}

/** The signed documents of a namespace. Whoever reads them verifies them, so they are public. */
@ApiTags('trust')
@Controller('api/v1/:product/:environment')
export class TrustController {
  constructor(
    private readonly trust: TrustService,
    private readonly intake: TrustIntake,
    private readonly clock: Clock,
  ) {}

  @Get('trust')
  @NoToken()
  async show(@Param('product') product: string, @Param('environment') environment: string): Promise<TrustView> {
    const { roots, policy, krl, freshness } = await this.trust.snapshot(`${product}/${environment}`)
    const text = (row: { readonly document: Uint8Array } | null): string | null =>
      row === null ? null : toBase64Url(row.document)
    return {
      roots: roots.map((row) => toBase64Url(row.document)),
      policy: text(policy),
      krl: text(krl),
      freshness: text(freshness),
    }
  }

  @Post('trust/roots')
  @Roles('security-officer')
  @HttpCode(200)
  async takeRoot(
    @FromCaller() caller: Caller,
    @ZodBody(newRoot) body: z.infer<typeof newRoot>,
  ): Promise<{ readonly version: number }> {
    return { version: await this.intake.takeRoot(body.root, caller) }
  }

  @Post('trust/policies')
  @Roles('security-officer')
  @HttpCode(200)
  async takePolicy(
    @FromCaller() caller: Caller,
    @ZodBody(newPolicy) body: z.infer<typeof newPolicy>,
  ): Promise<{ readonly version: number }> {
    return { version: await this.intake.takePolicy(body.policy, caller) }
  }

  @Post('trust/krls')
  @Roles('security-officer')
  @HttpCode(200)
  async takeEmergencyKrl(
    @FromCaller() caller: Caller,
    @ZodBody(newKrl) body: z.infer<typeof newKrl>,
  ): Promise<{ readonly number: number }> {
    return { number: await this.intake.takeEmergencyKrl(body.krl, caller) }
  }

  @Get('keys')
  @Roles(...readers)
  async keys(@FromCaller() caller: Caller): Promise<readonly KeyStanding[]> {
    const { state, policyContent } = await this.trust.snapshot(caller.namespace)
    return keyStandings(state, policyContent?.owners, this.clock.nowSeconds())
  }
}
