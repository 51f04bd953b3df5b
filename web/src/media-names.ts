// File names of video and audio. The transcoder decides by the content.

const NAME =
  /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|m2ts|mts|wmv|flv|3gp|ogv|mxf|vob|dv|mp3|mp2|m4a|m4b|aac|wav|aiff?|flac|ogg|oga|opus|mka|wma)$/i

/** Whether a file may hold video or audio, by its name or by its announced type. */
export const mayBeMedia = (name: string, type: string | null | undefined): boolean => NAME.test(name) || /^(video|audio)\//.test(type ?? '')
