import { Module } from '@nestjs/common'
import { AuditModule } from '../audit/audit.module.js'
import { EventsModule } from '../events/events.module.js'
import { MqttModule } from '../mqtt/mqtt.module.js'
import { PollingModule } from '../polling/polling.module.js'
import { RefusalsModule } from '../refusals/refusals.module.js'
import { RolloutModule } from '../rollout/rollout.module.js'
import { TargetingModule } from '../targeting/targeting.module.js'
import { CertificateController } from './certificate/certificate.controller.js'
import { CertificateDesk } from './certificate/certificate-desk.service.js'
import { DeviceAuthorities } from './certificate/device-authorities.service.js'
import { DeviceCertificates } from './certificate/device-certificates.service.js'
import { ClaimService } from './claim.service.js'
import { DeviceAuth } from './device-auth.service.js'
import { DeviceChangesController } from './device-changes.controller.js'
import { DeviceChanges } from './device-changes.service.js'
import { DeviceKeys } from './device-keys.service.js'
import { DeviceController } from './device.controller.js'
import { DeviceFrontController } from './device-front.controller.js'
import { DeviceViews } from './device-views.service.js'
import { EnrolmentService } from './enrolment.service.js'
import { PollService } from './poll.service.js'
import { RefusalWatch } from './refusal-watch.service.js'
import { DecommissionService } from './registry/decommission.service.js'
import { ChangeCounts } from './registry/change-counts.service.js'
import { Duplicates } from './registry/duplicates.service.js'
import { Registrations } from './registry/registrations.service.js'
import { RegistryController } from './registry/registry.controller.js'
import { ReportInbox } from './report-inbox.service.js'
import { ReportStore } from './report-store.service.js'

/** The devices' side: enrolment, polls, downloads, signed reports; and devices as people see them. */
@Module({
  imports: [AuditModule, EventsModule, MqttModule, PollingModule, RefusalsModule, RolloutModule, TargetingModule],
  controllers: [
    DeviceFrontController,
    DeviceChangesController,
    CertificateController,
    RegistryController,
    DeviceController,
  ],
  providers: [
    CertificateDesk,
    ClaimService,
    DeviceAuth,
    DeviceAuthorities,
    DeviceCertificates,
    DeviceChanges,
    DeviceKeys,
    DecommissionService,
    DeviceViews,
    Duplicates,
    ChangeCounts,
    Registrations,
    EnrolmentService,
    PollService,
    RefusalWatch,
    ReportInbox,
    ReportStore,
  ],
})
export class DeviceModule {}
