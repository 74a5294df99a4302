/**
 * What an end-to-end test may hold on to. Rows carry their facts as data attributes, so that a test need not read words.
 *
 * | name            | what                                                          | attributes |
 * |-----------------|---------------------------------------------------------------|------------|
 * | device          | one device's page                                             | data-user, data-device, data-status, data-connection, data-cut |
 * | my-status       | my status, in words                                           | data-status, data-choice |
 * | my-custom       | my custom status: emoji, text, until when                     | hidden while there is none |
 * | status-S        | status menu; S = online, away, dnd, offline                   | aria-pressed |
 * | status-expiry   | for how long a choice holds (see `expiry-field.ts` for values)| |
 * | custom-text, custom-emoji, custom-expiry | the custom status form; `…-expiry-minutes` where `custom` is picked | |
 * | custom-set, custom-clear | its buttons                                          | |
 * | lobby-counts    | "2 online, 1 away"                                            | data-online, data-away, data-dnd, data-offline |
 * | roster-row      | one person                                                    | data-user-id, data-status, data-freshness, data-custom |
 * | device-row      | one of my devices                                             | data-device-id, data-device-name, data-status, data-primary, data-this |
 * | rename, rename-text, rename-save | inline editing of the name beside it         | |
 * | airplane        | the switch that cuts this device off                          | aria-checked |
 * | connection      | the connection, in words                                      | data-connection |
 * | sync-counts     | "2 of 2 devices agree"                                        | data-synced, data-total, data-pending |
 * | sync-details    | opens: storage, relay, clock, problems, sign out              | |
 * | record-activity | "Typed", in the lobby                                         | |
 * | activity-row    | one of my activities                                          | data-type |
 * | notice          | an error in words, with its remedy                            | data-code |
 * | window, window-close, window-open | the stage: one device's window, and closing and opening it | data-user, data-device |
 * | person-name     | the stage: who signs in on these two devices                  | |
 */
export const TEST_ID = {
  device: 'device',
  myStatus: 'my-status',
  myCustom: 'my-custom',
  statusExpiry: 'status-expiry',
  customText: 'custom-text',
  customEmoji: 'custom-emoji',
  customExpiry: 'custom-expiry',
  customSet: 'custom-set',
  customClear: 'custom-clear',
  lobbyCounts: 'lobby-counts',
  rosterRow: 'roster-row',
  deviceRow: 'device-row',
  rename: 'rename',
  renameText: 'rename-text',
  renameSave: 'rename-save',
  airplane: 'airplane',
  connection: 'connection',
  syncCounts: 'sync-counts',
  syncDetails: 'sync-details',
  recordActivity: 'record-activity',
  activityRow: 'activity-row',
  notice: 'notice',
  window: 'window',
  windowClose: 'window-close',
  windowOpen: 'window-open',
  personName: 'person-name',
} as const
