import type { MigrationInterface } from 'typeorm'
import { CreateFoundation1764000000000 } from '../../../migrations/1764000000000-create-foundation.js'
import { CreateDevicesAndRollouts1764000001000 } from '../../../migrations/1764000001000-create-devices-and-rollouts.js'
import { CreateReSign1764000003000 } from '../../../migrations/1764000003000-create-re-sign.js'
import { CreateEmbeddedKeys1764000040000 } from '../../../migrations/1764000040000-create-embedded-keys.js'
import { CreateEvidence1764000042000 } from '../../../migrations/1764000042000-create-evidence.js'
import { AddUploads1764000041000 } from '../../../migrations/1764000041000-add-uploads.js'
import { CreateFirmwareFinding1764000050000 } from '../../../migrations/1764000050000-create-firmware-finding.js'
import { AddDeviceChanges1764000002000 } from '../../../migrations/1764000002000-add-device-changes.js'
import { AddDeviceFacts1764000065000 } from '../../../migrations/1764000065000-add-device-facts.js'
import { AddUnsignedClients1764000070000 } from '../../../migrations/1764000070000-add-unsigned-clients.js'
import { CreateEvents1764000066000 } from '../../../migrations/1764000066000-create-events.js'
import { CreateDueNotice1764000300001 } from '../../../migrations/1764000300001-create-due-notice.js'
import { CreateDeviceGroups1764000067000 } from '../../../migrations/1764000067000-create-device-groups.js'
import { ExtendRollouts1764000069000 } from '../../../migrations/1764000069000-extend-rollouts.js'
import { CreateDdi1764000071000 } from '../../../migrations/1764000071000-create-ddi.js'
import { AddDeviceFeed1764000072000 } from '../../../migrations/1764000072000-add-device-feed.js'
import { AddActionAttempt1764000500001 } from '../../../migrations/1764000500001-add-action-attempt.js'
import { CreateDeviceCertificates1764000500002 } from '../../../migrations/1764000500002-create-device-certificates.js'
import { CreateDeviceRegistry1764000500003 } from '../../../migrations/1764000500003-create-device-registry.js'
import { TellOfReports1764000500004 } from '../../../migrations/1764000500004-tell-of-reports.js'
import { CountRefusalsOfDevices1764000500005 } from '../../../migrations/1764000500005-count-refusals-of-devices.js'
import { AddReleaseFallback1764000080001 } from '../../../migrations/1764000080001-add-release-fallback.js'
import { AddStoredDeployments1764000079900 } from '../../../migrations/1764000079900-add-stored-deployments.js'
import { AddRolloutFilters1764000710000 } from '../../../migrations/1764000710000-add-rollout-filters.js'
import { JoinRefusalCounts1764000720000 } from '../../../migrations/1764000720000-join-refusal-counts.js'
import { CountRepeatedWords1764000740000 } from '../../../migrations/1764000740000-count-repeated-words.js'
import { QuickenRolloutOrder1764000730000 } from '../../../migrations/1764000730000-quicken-rollout-order.js'
import { ShrinkAcknowledgements1764000732000 } from '../../../migrations/1764000732000-shrink-acknowledgements.js'
import { ClearEndedRollouts1764001100000 } from '../../../migrations/1764001100000-clear-ended-rollouts.js'
import { WebhooksApart1764001300000 } from '../../../migrations/1764001300000-webhooks-apart.js'
import { NameReportGroup1764001400000 } from '../../../migrations/1764001400000-name-report-group.js'
import { CountDeviceChanges1764001410000 } from '../../../migrations/1764001410000-count-device-changes.js'
import { ShrinkDevices1764000731000 } from '../../../migrations/1764000731000-shrink-devices.js'

/** In the order they run. A migration that was released is never changed. */
export const migrationList: readonly (new () => MigrationInterface)[] = [
  CreateFoundation1764000000000,
  CreateDevicesAndRollouts1764000001000,
  AddDeviceChanges1764000002000,
  CreateReSign1764000003000,
  CreateEmbeddedKeys1764000040000,
  AddUploads1764000041000,
  CreateEvidence1764000042000,
  AddDeviceFacts1764000065000,
  AddUnsignedClients1764000070000,
  CreateEvents1764000066000,
  CreateDeviceGroups1764000067000,
  CreateDueNotice1764000300001,
  CreateFirmwareFinding1764000050000,
  ExtendRollouts1764000069000,
  CreateDdi1764000071000,
  AddDeviceFeed1764000072000,
  AddStoredDeployments1764000079900,
  AddReleaseFallback1764000080001,
  AddActionAttempt1764000500001,
  CreateDeviceCertificates1764000500002,
  CreateDeviceRegistry1764000500003,
  TellOfReports1764000500004,
  AddRolloutFilters1764000710000,
  CountRefusalsOfDevices1764000500005,
  JoinRefusalCounts1764000720000,
  CountRepeatedWords1764000740000,
  QuickenRolloutOrder1764000730000,
  ShrinkDevices1764000731000,
  ShrinkAcknowledgements1764000732000,
  ClearEndedRollouts1764001100000,
  WebhooksApart1764001300000,
  NameReportGroup1764001400000,
  CountDeviceChanges1764001410000,
]
