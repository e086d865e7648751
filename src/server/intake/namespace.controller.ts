import { Controller, Get } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { toHex } from '../../domain/bytes.js'
import { classIdOf, vendorIdOf } from '../../domain/suit/identifiers.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { TrustService } from '../keys/trust.service.js'

interface DeviceClassView {
  readonly name: string
  readonly model: string
  readonly hardwareRevision: string
  readonly environment: string
  readonly classId: string
  /** Whether the signed policy lists it: only then a release for it can be signed. */
  readonly isInPolicy: boolean
}
interface NamespaceView {
  readonly namespace: string
  readonly vendorDomain: string
  readonly vendorId: string
  readonly classes: readonly DeviceClassView[]
}

/** A namespace and its device classes, as the operator set them up, beside what people signed. */
@ApiTags('access')
@Controller('api/v1/:product/:environment')
export class NamespaceController {
  constructor(private readonly trust: TrustService) {}

  @Get()
  @Roles(...readers, 'ci')
  async show(@FromCaller() caller: Caller): Promise<NamespaceView> {
    const { namespace, vendorDomain, classes } = this.trust.requireNamespace(caller.namespace)
    const { policyContent: policy } = await this.trust.snapshot(namespace)
    const vendorId = vendorIdOf(vendorDomain)
    const rows = classes.map((row) => {
      const classId = toHex(classIdOf(vendorId, row.model, row.hardwareRevision, row.environment))
      return { ...row, classId, isInPolicy: policy?.classes.has(classId) === true }
    })
    return { namespace, vendorDomain, vendorId: toHex(vendorId), classes: rows }
  }
}
