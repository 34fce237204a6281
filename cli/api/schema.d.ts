/* Written by `npm run client` from docs/reference/openapi.json; do not edit. */
export interface paths {
    "/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open an upload
         * @description Answers with one signed PUT, or with signed parts for large files. Size and content type are part of the signatures. Then `POST /uploads/{uploadId}/complete`.
         */
        post: operations["openUpload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/uploads/{uploadId}/complete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Complete an upload
         * @description Joins the parts and checks the size. May be repeated.
         */
        post: operations["completeUpload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/uploads/{uploadId}/parts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Resume an upload
         * @description Lists what has arrived and signs what is missing again, so a slow line can resume for days.
         */
        get: operations["readUploadParts"];
        put?: never;
        /**
         * Resume an upload
         * @description Lists what has arrived and signs what is missing again, so a slow line can resume for days.
         */
        post: operations["signUploadParts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/estimate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tell whether a CT would fit
         * @description Memory, time and cost of a CT, by the header of an upload or by a grid alone: nothing is started. What would be refused is answered with 200 and `fits: false`, with the reason and with the options that would make it fit. Time, cost and GPU memory are uncalibrated.
         */
        post: operations["estimate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/segment/{target}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Segment an upload
         * @description Starts a job and answers at once. The upload of a `batch` is an archive (.zip, .tar, .tar.gz), or a manifest of cases that are uploads of their own: `{"cases": [{"uploadId": "u-…", "name": "one"}]}`. On a laptop the CT may also come as a form (`ct`, for `batch` an archive as `bundle`): that call waits and answers with the ZIP (`both`, `batch`) or the mask; a caller who leaves cancels the job, unless it has an `Idempotency-Key`: the same form with the same key is answered with the result of the same job.
         */
        post: operations["submitJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List jobs
         * @description Newest first, page by page.
         */
        get: operations["listJobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a job
         * @description State, stage, percent, queue position, times, attempts, and how each case did.
         */
        get: operations["readJob"];
        put?: never;
        post?: never;
        /**
         * Cancel a job, or delete it
         * @description Cancels: the engine is gone within seconds, finished cases are kept. With `purge=true` the bytes of the job are deleted and a receipt is answered.
         */
        delete: operations["cancelJob"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry a job
         * @description A new attempt over the cases that failed; what succeeded is kept.
         */
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the log of a job
         * @description The last lines that its workers have logged; no patient data is in them.
         */
        get: operations["readJobLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}/result": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch the result of a job
         * @description The ZIP of a finished job.
         */
        get: operations["fetchResult"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}/files/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch the index of a large batch
         * @description Index or table of a batch whose cases are too large for one ZIP; others have it in their ZIP.
         */
        get: operations["fetchJobFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}/cases/{caseId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a case
         * @description How a case did, and its files.
         */
        get: operations["readCase"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}/cases/{caseId}/files/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch a file of a case
         * @description A file of the result package, or `results.zip`, all of it.
         */
        get: operations["fetchCaseFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/jobs/{jobId}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch a job
         * @description Server-Sent Events: `state` when the state changes, `progress` in between, both with the job as `data`; the stream ends with the job. Not offered where the transport holds no open answers: poll the job there.
         */
        get: operations["watchJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Is it alive
         * @description Answers `ok` whatever else goes on.
         */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readinessz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Can it work
         * @description Checks what jobs need: engines, weights, folders, disk space.
         */
        get: operations["readiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/version": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What runs here
         * @description Versions of service, engines and weights, the licence of each model, and what a request may ask for here.
         */
        get: operations["version"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Where an upload stands, and the signed requests that are still to be made. */
        Upload: {
            uploadId: string;
            /** @enum {string} */
            state: "open" | "complete";
            sizeBytes: number;
            /** @description The one request that takes the bytes; null for an upload in parts or a complete one. */
            put: components["schemas"]["SignedRequest"] | null;
            /** @description Null for an upload in one piece. */
            parts: {
                /** @description Size of every part but the last. */
                partBytes: number;
                count: number;
                arrived: {
                    part: number;
                    bytes: number;
                }[];
                /** @description The first parts that are missing, at most 1000. */
                missing: {
                    part: number;
                    bytes: number;
                    request: components["schemas"]["SignedRequest"];
                }[];
            } | null;
        };
        /** @description A request that whoever holds it may make until it expires. */
        SignedRequest: {
            /** @enum {string} */
            method: "GET" | "PUT";
            url: string;
            /** @description To be sent exactly as they are. */
            headers: {
                [key: string]: string;
            };
            /** Format: date-time */
            expiresAt: string;
        };
        /**
         * @description An error: what is wrong, and what to do.
         * @example {
         *       "type": "about:blank",
         *       "title": "Job not found",
         *       "status": 404,
         *       "code": "JOB_NOT_FOUND",
         *       "detail": "There is no job \"j-unknown1\".",
         *       "remedy": "List the jobs with GET /jobs.",
         *       "retryable": false,
         *       "details": {},
         *       "requestId": "b0c7f0a4-6a3e-4a53-9d5e-0d3f6b8a3c11"
         *     }
         */
        Problem: {
            /** @enum {string} */
            type: "about:blank";
            /** @description The error code in words. */
            title: string;
            /** @description The HTTP status of this answer. */
            status: number;
            /**
             * @description A code of the closed list in docs/reference/error-codes.md.
             * @enum {string}
             */
            code: "INPUT_NOT_FOUND" | "INPUT_VANISHED" | "INPUT_REPLACED" | "INPUT_UNREADABLE" | "INPUT_IS_FOLDER" | "INPUT_IS_DICOM" | "INPUT_IS_ARCHIVE" | "INPUT_DUPLICATE_NAME" | "NIFTI_SHORT_HEADER" | "NIFTI_NOT_NIFTI" | "NIFTI_BAD_MAGIC" | "NIFTI_PAIR_FILE" | "NIFTI_BAD_DIMS" | "NIFTI_NOT_3D" | "NIFTI_TOO_LARGE" | "NIFTI_BAD_DATATYPE" | "NIFTI_BAD_VOX_OFFSET" | "NIFTI_BAD_SPACING" | "NIFTI_BAD_SCALING" | "NIFTI_NO_ORIENTATION" | "NIFTI_BAD_AFFINE" | "NIFTI_BAD_GZIP" | "NIFTI_TRUNCATED" | "NIFTI_TRAILING_DATA" | "CT_TOO_FEW_SLICES" | "CT_TOO_SMALL" | "CT_NOT_HOUNSFIELD" | "CT_IS_LABEL_MAP" | "CT_ALL_AIR" | "CT_NOT_FINITE" | "CT_AFFINES_DISAGREE" | "CT_SHEARED" | "CT_EXCEEDS_MEMORY" | "MASK_GRID_MISMATCH" | "MASK_NOT_LABELS" | "ARCHIVE_UNREADABLE" | "ARCHIVE_UNSAFE" | "ARCHIVE_ENCRYPTED" | "ARCHIVE_TOO_LARGE" | "ARCHIVE_NO_CASES" | "ARCHIVE_TOO_MANY_CASES" | "ARCHIVE_MEMBER_CORRUPT" | "USAGE" | "REQUEST_INVALID" | "REQUEST_TOO_LARGE" | "REQUEST_TYPE_UNSUPPORTED" | "REQUEST_TOO_SLOW" | "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED" | "HOST_REFUSED" | "ACCESS_REFUSED" | "URL_REFUSED" | "UNKNOWN_MODEL" | "BAD_OPTION" | "JOB_TOO_EXPENSIVE" | "TOO_MANY_JOBS" | "TOO_MANY_REQUESTS" | "IDEMPOTENCY_CONFLICT" | "UPLOAD_NOT_FOUND" | "UPLOAD_INCOMPLETE" | "UPLOAD_COMMITTED" | "UPLOAD_SIZE_MISMATCH" | "UPLOAD_CHECKSUM_MISMATCH" | "JOB_NOT_FOUND" | "JOB_NOT_FINISHED" | "JOB_FINISHED" | "JOB_NOTHING_TO_RETRY" | "RESULT_NOT_FOUND" | "SERVICE_UNREACHABLE" | "SHARD_UNREADABLE" | "DOCUMENT_UNREADABLE" | "PYTHON_MISSING" | "PYTHON_WRONG_VERSION" | "PYTHON_NO_VENV" | "DISK_FULL" | "NETWORK_UNREACHABLE" | "ENGINES_INSTALL_FAILED" | "ENGINES_NOT_INSTALLED" | "OUTPUT_UNWRITABLE" | "DATA_ROOT_LOCKED" | "SETTINGS_INVALID" | "WEIGHTS_MISSING" | "WEIGHTS_CORRUPT" | "WEIGHTS_DOWNLOAD_FAILED" | "WEIGHTS_ARCHIVE_INVALID" | "LICENCE_NOT_ACCEPTED" | "DEVICE_UNAVAILABLE" | "DEVICE_FAULT" | "OUT_OF_MEMORY" | "GPU_OUT_OF_MEMORY" | "ENGINE_START_FAILED" | "ENGINE_DIED" | "ENGINE_TIMEOUT" | "ENGINE_FAILED" | "ENGINE_PROTOCOL" | "ENGINE_OUTPUT_MISSING" | "ENGINE_OUTPUT_MISMATCH" | "PREPROCESSING_FAILED" | "RESULT_UNREADABLE" | "RESULT_ALTERED" | "SIGNATURE_INVALID" | "SIGNING_FAILED" | "CANCELLED" | "INTERRUPTED" | "UNCLEAN_EXIT" | "NO_CASE_SUCCEEDED" | "JOB_TIMEOUT" | "SHARD_FAILED" | "WORKFLOW_FAILED" | "OBJECT_NOT_FOUND" | "OBJECT_EXISTS" | "OBJECT_CHANGED" | "OBJECT_CHECKSUM_MISMATCH" | "RANGE_NOT_SATISFIABLE" | "STORE_UNAVAILABLE" | "STORE_REFUSED" | "UNEXPECTED";
            /** @description What is wrong, with the value received. */
            detail: string;
            /** @description What to do about it. */
            remedy: string;
            /** @description Whether the same request can succeed later. */
            retryable: boolean;
            details: {
                [key: string]: string | number | boolean | null | number[];
            };
            /** @description Quote it when you ask for help; it is in the log. */
            requestId: string;
        };
        /**
         * @description A file to be uploaded.
         * @example {
         *       "fileName": "case_0000.nii.gz",
         *       "sizeBytes": 52428800
         *     }
         */
        OpenUploadRequest: {
            /** @description With its ending; it is told back to the caller only. */
            fileName: string;
            /** @description Exact size of the file, bytes. */
            sizeBytes: number;
            /** @description Checked while the upload is read; without it, only the size is. */
            sha256?: string;
        };
        /** @description Whether a CT would fit, and what it would take. */
        Estimate: {
            dims: number[];
            spacingMm: number[];
            /** @description Whether nothing that the header tells speaks against it. */
            fits: boolean;
            /** @description Why it would be refused. */
            problems: components["schemas"]["Error"][];
            /** @description Peak memory of the case: the worker, and the engine with all its models. */
            memoryBytes: number;
            /** @description Memory of the largest machine that there is. */
            limitBytes: number;
            models: {
                /** @enum {string} */
                model: "task008" | "liver" | "totalseg" | "liver_vessels" | "liver_segments";
                /** @description Peak memory of the engine for this model alone. */
                memoryBytes: number;
                /** @description GPU memory. Uncalibrated unless `calibrated` is true. */
                cardBytes: number;
                /** @description False: part of it would be kept in RAM on a T4, which is slower. */
                cardHoldsAll: boolean;
                /** @description On the device of `calibration`, else on a T4 GPU, uncalibrated. */
                seconds: number;
            }[];
            /** @description All models on a machine that is ready: on the device of `calibration`, else on a T4 GPU, uncalibrated. */
            seconds: number;
            /** @description Machines of a deployment, least first; the cost is of the work alone, without their start. */
            sizes: {
                /** @enum {string} */
                machine: "g4dn.xlarge" | "g4dn.2xlarge" | "g4dn.4xlarge" | "m6id.xlarge";
                memoryBytes: number;
                fits: boolean;
                /** @description Null where the case does not fit. Uncalibrated unless `calibrated` is true. */
                onDemandUsd: number | null;
                /** @description Null where the case does not fit. Uncalibrated unless `calibrated` is true. */
                spotUsd: number | null;
            }[];
            /** @description What would make it fit, when memory is what it lacks: the least change first. */
            ways: {
                changes: ("fast" | "split" | "crop")[];
                memoryBytes: number;
                crop: {
                    axis: number;
                    /** @description Most slices along this axis. */
                    slices: number;
                    extentMm: number;
                } | null;
            }[];
            /** @description Whether time, cost and GPU memory come from runs on a T4 (`hpb calibrate`). Memory was measured anyhow. */
            calibrated: boolean;
            /** @description The runs that time comes from; null when none of all its models was counted. */
            calibration: {
                device: string;
                runs: number;
            } | null;
        };
        /** @description Why something failed, and what to do about it. */
        Error: {
            /** @enum {string} */
            code: "INPUT_NOT_FOUND" | "INPUT_VANISHED" | "INPUT_REPLACED" | "INPUT_UNREADABLE" | "INPUT_IS_FOLDER" | "INPUT_IS_DICOM" | "INPUT_IS_ARCHIVE" | "INPUT_DUPLICATE_NAME" | "NIFTI_SHORT_HEADER" | "NIFTI_NOT_NIFTI" | "NIFTI_BAD_MAGIC" | "NIFTI_PAIR_FILE" | "NIFTI_BAD_DIMS" | "NIFTI_NOT_3D" | "NIFTI_TOO_LARGE" | "NIFTI_BAD_DATATYPE" | "NIFTI_BAD_VOX_OFFSET" | "NIFTI_BAD_SPACING" | "NIFTI_BAD_SCALING" | "NIFTI_NO_ORIENTATION" | "NIFTI_BAD_AFFINE" | "NIFTI_BAD_GZIP" | "NIFTI_TRUNCATED" | "NIFTI_TRAILING_DATA" | "CT_TOO_FEW_SLICES" | "CT_TOO_SMALL" | "CT_NOT_HOUNSFIELD" | "CT_IS_LABEL_MAP" | "CT_ALL_AIR" | "CT_NOT_FINITE" | "CT_AFFINES_DISAGREE" | "CT_SHEARED" | "CT_EXCEEDS_MEMORY" | "MASK_GRID_MISMATCH" | "MASK_NOT_LABELS" | "ARCHIVE_UNREADABLE" | "ARCHIVE_UNSAFE" | "ARCHIVE_ENCRYPTED" | "ARCHIVE_TOO_LARGE" | "ARCHIVE_NO_CASES" | "ARCHIVE_TOO_MANY_CASES" | "ARCHIVE_MEMBER_CORRUPT" | "USAGE" | "REQUEST_INVALID" | "REQUEST_TOO_LARGE" | "REQUEST_TYPE_UNSUPPORTED" | "REQUEST_TOO_SLOW" | "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED" | "HOST_REFUSED" | "ACCESS_REFUSED" | "URL_REFUSED" | "UNKNOWN_MODEL" | "BAD_OPTION" | "JOB_TOO_EXPENSIVE" | "TOO_MANY_JOBS" | "TOO_MANY_REQUESTS" | "IDEMPOTENCY_CONFLICT" | "UPLOAD_NOT_FOUND" | "UPLOAD_INCOMPLETE" | "UPLOAD_COMMITTED" | "UPLOAD_SIZE_MISMATCH" | "UPLOAD_CHECKSUM_MISMATCH" | "JOB_NOT_FOUND" | "JOB_NOT_FINISHED" | "JOB_FINISHED" | "JOB_NOTHING_TO_RETRY" | "RESULT_NOT_FOUND" | "SERVICE_UNREACHABLE" | "SHARD_UNREADABLE" | "DOCUMENT_UNREADABLE" | "PYTHON_MISSING" | "PYTHON_WRONG_VERSION" | "PYTHON_NO_VENV" | "DISK_FULL" | "NETWORK_UNREACHABLE" | "ENGINES_INSTALL_FAILED" | "ENGINES_NOT_INSTALLED" | "OUTPUT_UNWRITABLE" | "DATA_ROOT_LOCKED" | "SETTINGS_INVALID" | "WEIGHTS_MISSING" | "WEIGHTS_CORRUPT" | "WEIGHTS_DOWNLOAD_FAILED" | "WEIGHTS_ARCHIVE_INVALID" | "LICENCE_NOT_ACCEPTED" | "DEVICE_UNAVAILABLE" | "DEVICE_FAULT" | "OUT_OF_MEMORY" | "GPU_OUT_OF_MEMORY" | "ENGINE_START_FAILED" | "ENGINE_DIED" | "ENGINE_TIMEOUT" | "ENGINE_FAILED" | "ENGINE_PROTOCOL" | "ENGINE_OUTPUT_MISSING" | "ENGINE_OUTPUT_MISMATCH" | "PREPROCESSING_FAILED" | "RESULT_UNREADABLE" | "RESULT_ALTERED" | "SIGNATURE_INVALID" | "SIGNING_FAILED" | "CANCELLED" | "INTERRUPTED" | "UNCLEAN_EXIT" | "NO_CASE_SUCCEEDED" | "JOB_TIMEOUT" | "SHARD_FAILED" | "WORKFLOW_FAILED" | "OBJECT_NOT_FOUND" | "OBJECT_EXISTS" | "OBJECT_CHANGED" | "OBJECT_CHECKSUM_MISMATCH" | "RANGE_NOT_SATISFIABLE" | "STORE_UNAVAILABLE" | "STORE_REFUSED" | "UNEXPECTED";
            message: string;
            remedy: string;
            /** @enum {string} */
            blame: "caller" | "ops" | "system";
            retryable: boolean;
            details: {
                [key: string]: string | number | boolean | null | number[];
            };
        };
        /**
         * @description A CT, and what would be run on it.
         * @example {
         *       "grid": {
         *         "dims": [
         *           512,
         *           512,
         *           300
         *         ],
         *         "spacingMm": [
         *           0.8,
         *           0.8,
         *           1
         *         ]
         *       },
         *       "model": "both"
         *     }
         */
        EstimateRequest: {
            /** @description A complete upload of a CT. */
            uploadId?: string;
            /** @description Instead of an upload. */
            grid?: {
                /** @description Voxels along each axis; head to feet last. */
                dims: number[];
                /** @description Edges of a voxel, mm. */
                spacingMm: number[];
            };
            /**
             * @description Default: both (liver and task008).
             * @enum {string}
             */
            model?: "both" | "task008" | "liver" | "totalseg" | "liver_vessels" | "liver_segments";
            /** @description TotalSegmentator at 3 mm. Default: true. */
            fast?: boolean;
            /** @description Folds of the nnU-Net v1 ensemble. Default: [0]. */
            folds?: number[];
            /** @description Test-time augmentation of nnU-Net v1. Default: false. */
            tta?: boolean;
        } & (unknown | unknown);
        /** @description Where a job stands, with its cases. */
        Job: {
            jobId: string;
            /** @enum {string} */
            state: "QUEUED" | "PREPARING" | "RUNNING" | "PUBLISHING" | "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED";
            /** @description Counts up with every retry. */
            attempt: number;
            /** @description Whether an archive of cases was sent. */
            batch: boolean;
            models: ("task008" | "liver" | "totalseg" | "liver_vessels" | "liver_segments")[];
            options: {
                /** @default true */
                fast: boolean;
                /**
                 * @default [
                 *       0
                 *     ]
                 */
                folds: number[];
                /** @default false */
                tta: boolean;
            };
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            endedAt: string | null;
            /**
             * Format: date-time
             * @description When the job is final at the latest; null before it is prepared.
             */
            deadlineAt: string | null;
            /** @description Cases in all, and how those that ended did; null before they are known. */
            counts: {
                total: number;
                succeeded: number;
                failed: number;
            } | null;
            error: components["schemas"]["Error"] | null;
            links: {
                [key: string]: string;
            };
            /** @enum {string} */
            stage: "waiting" | "preparing" | "fetch" | "check" | "segment" | "measure" | "mesh" | "package" | "publish" | "publishing" | "done";
            percent: number;
            /** @description Jobs before this one, 0 = next; null when unknown or not waiting. */
            queuePosition: number | null;
            attempts: {
                attempt: number;
                /** Format: date-time */
                startedAt: string;
                /** Format: date-time */
                endedAt: string | null;
                /** @enum {string|null} */
                state: "QUEUED" | "PREPARING" | "RUNNING" | "PUBLISHING" | "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED" | null;
                code: string | null;
            }[];
            /** @description At most 1000 of them. */
            cases: components["schemas"]["Case"][];
            /** @description What the archive held beside its cases, the first of it by name. */
            ignored: {
                name: string;
                reason: string;
            }[];
            /** @description How much the archive held beside its cases. */
            ignoredCount: number;
        };
        /** @description One case of a job. */
        Case: {
            caseId: string;
            /** @description As the caller named it. */
            name: string;
            /**
             * @description `ended`: over, its outcome is told when the job ends (jobs of very many cases).
             * @enum {string}
             */
            state: "waiting" | "running" | "ended" | "succeeded" | "failed";
            /** @enum {string|null} */
            stage: "fetch" | "check" | "segment" | "measure" | "mesh" | "package" | "publish" | null;
            percent: number;
            error: components["schemas"]["Error"] | null;
        };
        /**
         * @description What to segment, and how.
         * @example {
         *       "uploadId": "u-000000000001",
         *       "fast": true,
         *       "folds": [
         *         0
         *       ]
         *     }
         */
        SubmitRequest: {
            uploadId: string;
            /**
             * @description What to run on each case of a batch: a model or `both`. Other targets name it themselves.
             * @enum {string}
             */
            model?: "both" | "task008" | "liver" | "totalseg" | "liver_vessels" | "liver_segments";
            /** @description TotalSegmentator at 3 mm. Default: true. */
            fast?: boolean;
            /** @description Folds of the nnU-Net v1 ensemble. Default: [0]. */
            folds?: number[];
            /** @description Test-time augmentation of nnU-Net v1. Default: false. */
            tta?: boolean;
            /**
             * @description Writes each mesh in this format too, in mm of the patient (RAS+). Default: that of the deployment, else none.
             * @enum {string}
             */
            meshes?: "stl" | "mz3";
            /**
             * @description Default: interactive, and bulk for more than five cases.
             * @enum {string}
             */
            priority?: "interactive" | "bulk";
            /** @description Most that the job may cost, USD, by an estimate of its machines on demand, their start included. A CT is refused at once, an archive when its cases are known, before any machine is asked for. */
            maxCostUsd?: number;
            /** @description Puts every case that succeeds into the viewer, as `<jobId>-<caseId>`: whoever can read the viewer then sees the CT. Default: false. */
            publish?: boolean;
        };
        /** @description A page of jobs, newest first. */
        JobList: {
            jobs: components["schemas"]["JobSummary"][];
            /** @description For `after` of the next request; null at the end. */
            next: string | null;
        };
        /** @description A job without its cases. */
        JobSummary: {
            jobId: string;
            /** @enum {string} */
            state: "QUEUED" | "PREPARING" | "RUNNING" | "PUBLISHING" | "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED";
            /** @description Counts up with every retry. */
            attempt: number;
            /** @description Whether an archive of cases was sent. */
            batch: boolean;
            models: ("task008" | "liver" | "totalseg" | "liver_vessels" | "liver_segments")[];
            options: {
                /** @default true */
                fast: boolean;
                /**
                 * @default [
                 *       0
                 *     ]
                 */
                folds: number[];
                /** @default false */
                tta: boolean;
            };
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            endedAt: string | null;
            /**
             * Format: date-time
             * @description When the job is final at the latest; null before it is prepared.
             */
            deadlineAt: string | null;
            /** @description Cases in all, and how those that ended did; null before they are known. */
            counts: {
                total: number;
                succeeded: number;
                failed: number;
            } | null;
            error: components["schemas"]["Error"] | null;
            links: {
                [key: string]: string;
            };
        };
        /** @description What has been deleted. */
        PurgeReceipt: {
            jobId: string;
            objects: number;
            bytes: number;
            /** @description Versions that were deleted for good, those that had been overwritten included; 0 where the store keeps none. */
            versions: number;
            /** Format: date-time */
            purgedAt: string;
        };
        /** @description A signed URL of a result. */
        Result: {
            url: string;
            /** Format: date-time */
            expiresAt: string;
            fileName: string;
            bytes: number;
            sha256: string;
        };
        /** @description A case with its files. */
        CaseDetail: {
            caseId: string;
            /** @description As the caller named it. */
            name: string;
            /**
             * @description `ended`: over, its outcome is told when the job ends (jobs of very many cases).
             * @enum {string}
             */
            state: "waiting" | "running" | "ended" | "succeeded" | "failed";
            /** @enum {string|null} */
            stage: "fetch" | "check" | "segment" | "measure" | "mesh" | "package" | "publish" | null;
            percent: number;
            error: components["schemas"]["Error"] | null;
            jobId: string;
            seconds: number | null;
            /** @description Whether demo weights took part; null while there is no result. */
            demo: boolean | null;
            files: components["schemas"]["CaseFile"][];
            /** @description What the page shows beside the files; of a CT longer than 256 voxels along an axis, shrunk. */
            previews: components["schemas"]["CaseFile"][];
            links: {
                [key: string]: string;
            };
        };
        /** @description A file of a case and the call that fetches it. */
        CaseFile: {
            name: string;
            bytes: number;
            sha256: string;
            href: string;
        };
        Readiness: {
            ready: boolean;
            /** @description Check -> whether it passed. */
            checks: {
                [key: string]: boolean;
            };
            /** @description What is wrong and what to do; empty when ready. */
            errors: string[];
        };
        Version: {
            /** @description Version of this service. */
            service: string;
            node: string;
            /** @description Engine -> version; empty where no engine runs. */
            engines: {
                [key: string]: string;
            };
            models: {
                id: string;
                title: string;
                /** @enum {string} */
                weights: "real" | "demo" | "missing" | "unknown";
                weightsVersion: string | null;
                licence: {
                    name: string;
                    url: string;
                    commercialUse: boolean;
                };
            }[];
            /** @description Fields of a request that mean something here: `maxCostUsd` where machines are paid for, `publish` where there is a viewer. */
            offers: ("maxCostUsd" | "publish")[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    openUpload: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OpenUploadRequest"];
            };
        };
        responses: {
            /** @description The upload and its signed requests. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TOO_SLOW` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TOO_LARGE` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TYPE_UNSUPPORTED` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_INVALID` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `DISK_FULL` */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    completeUpload: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of an upload. */
                uploadId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where the upload stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_INCOMPLETE`, `UPLOAD_COMMITTED` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_SIZE_MISMATCH` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readUploadParts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of an upload. */
                uploadId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where the upload stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_INCOMPLETE`, `UPLOAD_COMMITTED` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_SIZE_MISMATCH` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signUploadParts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of an upload. */
                uploadId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where the upload stands. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_INCOMPLETE`, `UPLOAD_COMMITTED` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_SIZE_MISMATCH` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    estimate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EstimateRequest"];
            };
        };
        responses: {
            /** @description Whether it fits, and what it would take. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Estimate"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TOO_SLOW` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_INCOMPLETE` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TOO_LARGE`, `NIFTI_TOO_LARGE` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TYPE_UNSUPPORTED`, `INPUT_IS_ARCHIVE`, `INPUT_IS_DICOM`, `NIFTI_NOT_NIFTI` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_INVALID`, `BAD_OPTION`, `UPLOAD_SIZE_MISMATCH`, `NIFTI_SHORT_HEADER`, `NIFTI_BAD_GZIP` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    submitJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key and body is the same job; another body is refused. */
                "idempotency-key"?: string;
            };
            path: {
                /** @description A model, `both` (liver and task008 of one CT), or `batch` (an archive of CTs, or a manifest). */
                target: "both" | "task008" | "liver" | "totalseg" | "liver_vessels" | "liver_segments" | "batch";
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SubmitRequest"];
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description The CT, .nii or .nii.gz, for a model or `both`.
                     */
                    ct?: string;
                    /**
                     * Format: binary
                     * @description Archive of CTs, for `batch`.
                     */
                    bundle?: string;
                    /** @description Such as `0,1`. */
                    folds?: string;
                    /**
                     * @description Default: false for liver and totalseg, else true.
                     * @enum {string}
                     */
                    fast?: "1" | "true" | "yes" | "on" | "0" | "false" | "no" | "off";
                    /**
                     * @description Test-time augmentation of nnU-Net v1. Default: false.
                     * @enum {string}
                     */
                    tta?: "1" | "true" | "yes" | "on" | "0" | "false" | "no" | "off";
                    /**
                     * @description The folder of the viewer as a ZIP, instead of masks; not for `batch`.
                     * @enum {string}
                     */
                    web?: "1" | "true" | "yes" | "on" | "0" | "false" | "no" | "off";
                } & (unknown | unknown);
            };
        };
        responses: {
            /** @description The job that this Idempotency-Key has made before. For a form: the ZIP, or the mask. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                    "application/zip": string;
                    "application/gzip": string;
                };
            };
            /** @description The job, new. `Location` names it. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TOO_SLOW` */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UPLOAD_INCOMPLETE`, `IDEMPOTENCY_CONFLICT` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TOO_LARGE` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_TYPE_UNSUPPORTED` */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_INVALID`, `UNKNOWN_MODEL`, `UPLOAD_SIZE_MISMATCH`, `BAD_OPTION`, `JOB_TOO_EXPENSIVE` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_JOBS` */
            429: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `WEIGHTS_MISSING`, `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `DISK_FULL` */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                /** @description Only jobs in this state. */
                state?: "QUEUED" | "PREPARING" | "RUNNING" | "PUBLISHING" | "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED";
                /** @description Jobs of a page. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of jobs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_INVALID` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelJob: {
        parameters: {
            query?: {
                purge?: "true" | "false";
            };
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job as it now stands, or the receipt. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"] | components["schemas"]["PurgeReceipt"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_FINISHED`, `JOB_NOT_FINISHED` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_INVALID` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job in its new attempt. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FINISHED`, `JOB_NOTHING_TO_RETRY` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_JOBS` */
            429: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `WEIGHTS_MISSING`, `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `DISK_FULL` */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readJobLogs: {
        parameters: {
            query?: {
                /** @description Lines at most. */
                lines?: number;
            };
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of the log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REQUEST_INVALID` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    fetchResult: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description With `Accept: application/json`: the signed URL, its size and checksum. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Result"];
                };
            };
            /** @description The bytes are at the signed URL of `Location`. */
            302: {
                headers: {
                    Location: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND`, `RESULT_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FINISHED` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    fetchJobFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
                /** @description `index.html` or `cases.csv`. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description With `Accept: application/json`: the signed URL, its size and checksum. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Result"];
                };
            };
            /** @description The bytes are at the signed URL of `Location`. */
            302: {
                headers: {
                    Location: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND`, `RESULT_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readCase: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
                /** @description Ordinal of a case. */
                caseId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The case. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CaseDetail"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND`, `RESULT_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    fetchCaseFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a job. */
                jobId: string;
                /** @description Ordinal of a case. */
                caseId: string;
                /** @description `results.zip`, or a file that the case names. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description With `Accept: application/json`: the signed URL, its size and checksum. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Result"];
                };
            };
            /** @description The bytes are at the signed URL of `Location`. */
            302: {
                headers: {
                    Location: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND`, `RESULT_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FINISHED` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description Last event received, on resuming. */
                "last-event-id"?: string;
            };
            path: {
                /** @description Id of a job. */
                jobId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": {
                        /** @enum {string} */
                        event: "state" | "progress";
                        /** @description To be sent as `Last-Event-ID` on resuming. */
                        id: string;
                        /** @description The job, as JSON. */
                        data: string;
                    };
                };
            };
            /** @description The last event of this job was received already. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `JOB_NOT_FOUND`, `ROUTE_NOT_FOUND` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `ok` */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": "ok";
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not ready; `errors` says why. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    version: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The versions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
            /** @description `HOST_REFUSED` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNEXPECTED` */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STORE_UNAVAILABLE` */
            503: {
                headers: {
                    /** @description Seconds */
                    "Retry-After": string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
