// Routes that the pages need and that the OpenAPI document does not describe yet: see "What the pages need from the
// server" in web/README.md. When the document describes a route, its types move to the generated client.

import type { Scope, Schemas, VideoSummary } from './client'

/** `GET /v1/session` */
export interface Session {
  subject: string
  /** `null`: the operator, who sees every video. */
  owner: string | null
  scopes: Scope[]
  expires_at?: string | null
  /** Names of the profiles that an upload may select. */
  profiles?: string[]
  /** Size of the largest source in bytes. */
  max_upload_bytes?: number
}

export type SignInMethod = 'api-key' | 'oidc'

/** The 401 of `GET /v1/session`. */
export interface SignedOut {
  methods?: SignInMethod[]
}

export type SortKey = 'created_at' | 'title' | 'duration' | 'size'
export type Sort = SortKey | `-${SortKey}`

/** `GET /v1/videos` */
export interface VideoPage {
  videos: VideoSummary[]
  next_cursor?: string | null
  /** Number of videos that match, on all pages. */
  total?: number
}

/** An object of the private bucket that no video uses. */
export interface BucketObject {
  key: string
  size: number
  modified_at: string
  content_type?: string | null
}

/** `GET /v1/objects` */
export interface ObjectPage {
  objects: BucketObject[]
  next_cursor?: string | null
  total?: number
}

/** A chunk in the timeline of an attempt. */
export interface Chunk {
  rung: string
  number: number
  started_at: string
  ended_at?: string | null
}

/** `GET /v1/videos/{video}/timeline` */
export interface Timeline {
  attempts: {
    number: number
    stages: { stage: Schemas['Stage']; started_at: string; ended_at?: string | null }[]
    chunks: Chunk[]
  }[]
  /** The last lines that FFmpeg wrote before a failure. */
  ffmpeg_log?: string | null
}

/** `GET /v1/videos/{video}/deliveries` */
export interface VideoDeliveries {
  deliveries: (Schemas['Delivery'] & { webhook: string })[]
}
