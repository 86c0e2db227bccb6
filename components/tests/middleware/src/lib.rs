//! Middleware: leaves its name on each answer in the header `x-passed`, and the variable `SECRET` of its environment in `x-secret`. A
//! request with its name in `x-stop` goes no further.
//!
//! Knows headers; must never know what it stands around.

#[cfg(target_family = "wasm")]
mod middleware {
    use spin_sdk::http::{Error, HeaderValue, IntoResponse, Request, StatusCode, next};
    use spin_sdk::http_service;

    /// Tests make further programs of this one by writing another name of this length over it.
    static NAME: &str = "name-of-the-middleware";

    #[http_service]
    async fn handle(request: Request) -> spin_sdk::http::Result<impl IntoResponse> {
        // The compiler must not know it, or it would be in more than one place.
        let name = std::hint::black_box(NAME);
        if request.headers().get("x-stop").is_some_and(|stop| stop == name) {
            return Err(Error::Response((StatusCode::FORBIDDEN, name.to_owned()).into_response()?));
        }
        let mut response = next(request).await?;
        let secret = std::env::var("SECRET").unwrap_or_else(|_| "none".to_owned());
        response.headers_mut().append("x-passed", HeaderValue::from_static(name));
        response.headers_mut().append("x-secret", HeaderValue::try_from(secret).map_err(|error| Error::other(error.to_string()))?);
        Ok(response)
    }
}
