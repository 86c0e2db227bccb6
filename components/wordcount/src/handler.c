// The wasi:http/incoming-handler export. Knows streams and status codes; must never know how words are counted.

#include <string.h>

#include "count.h"
#include "wordcount.h"

// Bytes asked for in one read: the most this component ever holds of a body.
#define READ_BYTES 16384

typedef struct {
  uint16_t status;
  const char *body;
  size_t length;
} answer_t;

static void add_header(wasi_http_types_borrow_fields_t headers, char *name, char *value) {
  wasi_http_types_field_name_t field = {(uint8_t *)name, strlen(name)};
  wasi_http_types_field_value_t content = {(uint8_t *)value, strlen(value)};
  wasi_http_types_header_error_t refused;
  wasi_http_types_method_fields_append(headers, &field, &content, &refused);
}

static void free_stream_error(wasi_io_streams_stream_error_t *error) { wasi_io_streams_stream_error_free(error); }

// Counts everything in the stream; false when it broke off.
static bool count_stream(wasi_io_streams_borrow_input_stream_t stream, counts_t *counts) {
  for (;;) {
    wordcount_list_u8_t chunk;
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_input_stream_blocking_read(stream, READ_BYTES, &chunk, &error)) {
      bool at_end = error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
      free_stream_error(&error);
      return at_end;
    }
    counts_add(counts, chunk.ptr, chunk.len);
    wordcount_list_u8_free(&chunk);
  }
}

static bool count_body(wasi_http_types_borrow_incoming_request_t request, counts_t *counts) {
  wasi_http_types_own_incoming_body_t body;
  if (!wasi_http_types_method_incoming_request_consume(request, &body)) return false;
  wasi_http_types_own_input_stream_t stream;
  bool whole = wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(body), &stream);
  if (whole) {
    whole = count_stream(wasi_io_streams_borrow_input_stream(stream), counts);
    wasi_io_streams_input_stream_drop_own(stream); // the child goes before its parent
  }
  wasi_http_types_incoming_body_drop_own(body);
  return whole;
}

static void send(wasi_http_types_own_response_outparam_t outparam, answer_t answer) {
  wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
  wasi_http_types_borrow_fields_t borrowed = wasi_http_types_borrow_fields(headers);
  add_header(borrowed, "content-type", "application/json");
  if (answer.status == 405) add_header(borrowed, "allow", "POST");
  wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers);
  wasi_http_types_borrow_outgoing_response_t head = wasi_http_types_borrow_outgoing_response(response);
  wasi_http_types_method_outgoing_response_set_status_code(head, answer.status);
  wasi_http_types_own_outgoing_body_t body;
  bool has_body = wasi_http_types_method_outgoing_response_body(head, &body);

  wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false, .val.ok = response};
  wasi_http_types_static_response_outparam_set(outparam, &result);
  if (!has_body) return;

  wasi_http_types_own_output_stream_t stream;
  if (wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream)) {
    wordcount_list_u8_t bytes = {(uint8_t *)answer.body, answer.length};
    wasi_io_streams_stream_error_t error;
    wasi_io_streams_borrow_output_stream_t out = wasi_io_streams_borrow_output_stream(stream);
    // A caller who has gone away is no one's error.
    if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(out, &bytes, &error)) free_stream_error(&error);
    wasi_io_streams_output_stream_drop_own(stream);
  }
  wasi_http_types_error_code_t refused;
  if (!wasi_http_types_static_outgoing_body_finish(body, NULL, &refused)) wasi_http_types_error_code_free(&refused);
}

static answer_t refusal(uint16_t status, const char *json) { return (answer_t){status, json, strlen(json)}; }

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t outparam) {
  wasi_http_types_borrow_incoming_request_t borrowed = wasi_http_types_borrow_incoming_request(request);
  wasi_http_types_method_t method;
  wasi_http_types_method_incoming_request_method(borrowed, &method);
  bool is_post = method.tag == WASI_HTTP_TYPES_METHOD_POST;
  wasi_http_types_method_free(&method);

  counts_t counts = {0};
  char json[COUNTS_JSON_BYTES_MAX];
  if (!is_post) {
    send(outparam, refusal(405, "{\"error\":\"the method here is POST\"}"));
  } else if (!count_body(borrowed, &counts)) {
    send(outparam, refusal(400, "{\"error\":\"the body broke off\"}"));
  } else {
    size_t length = counts_to_json(&counts, json);
    send(outparam, (answer_t){200, json, length});
  }
  wasi_http_types_incoming_request_drop_own(request);
}
